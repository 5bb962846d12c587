import json
import re
from pathlib import Path
from typing import Any

import pytest

from paretune.audit import audit_methods
from paretune.cli.audit import with_the_rest, write_recorded
from paretune.methods import method_cards, resolve
from paretune.methods.capabilities import audit_of, audits_of
from paretune.spec import (
    CAUSAL_LM,
    Audit,
    Finding,
    InputError,
    MethodAudit,
    MethodEntry,
    MethodSpec,
    NotPassed,
    Passed,
    read_audit,
)
from tests.cli.conftest import Paretune
from tests.spec.test_audit import AUDIT


def test_an_audit_as_json(paretune: Paretune) -> None:
    done = paretune("audit", "ia3", "--json", "--jobs", "1", "--model", "toy:llama")
    assert done.returncode == 0, done.stderr
    audit = read_audit(json.loads(done.stdout), "standard output")
    assert [method.method.name for method in audit.methods] == ["ia3"]
    assert audit.base_models == {"causal-lm": "toy:llama"}
    assert "trains_in_bf16" in audit.methods[0].failed()
    assert "audited ia3: 1 of 1" in done.stderr


def test_an_audit_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from paretune.report.console.audit_table import audit_summary

    for width in (60, 200):
        Console(width=width).print(audit_summary(AUDIT))
        text = capsys.readouterr().out
        assert "Causal" in text
        assert max(map(len, text.splitlines())) <= width
        assert "lora causal: moved" in text
        assert "✓" in text
        assert "inf" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give methods to audit, or --all"),
        (["lora", "--all"], "give methods to audit, or --all"),
        (["lora", "--record"], "--record goes with --all"),
        (["lorra"], 'did you mean "lora"'),
        (["base"], "trains nothing"),
        (["lora", "--model", "nonsense"], "not a reference"),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(arguments: list[str], line: str, paretune: Paretune) -> None:
    done = paretune("audit", *arguments)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_what_is_recorded_is_read_again(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "recorded.json"
    write_recorded(AUDIT, file)
    assert read_audit(json.loads(file.read_text()), str(file)) == AUDIT
    assert len(file.read_text().splitlines()) == 4 + len(AUDIT.methods[0].findings)


def test_methods_show_what_their_audit_found(paretune: Paretune) -> None:
    done = paretune("methods", "lily")
    assert done.returncode == 0, done.stderr
    assert "arXiv 2407.09946" in done.stdout
    assert "outputs move by" in done.stdout
    value = json.loads(paretune("methods", "lily", "--json").stdout)
    assert value["capabilities"]["batch_invariant"] is False
    assert value["capabilities"]["mergeable"] is False
    assert value["capabilities"]["reloads"] is True
    wrong = paretune("methods", "lilly")
    assert wrong.returncode == 2
    assert 'did you mean "lily"' in wrong.stderr


def test_what_touches_embeddings_is_shown_on_tied_ones_too(paretune: Paretune) -> None:
    lines = paretune("methods", "trainable-tokens").stdout.splitlines()
    assert any(line.startswith("causal-lm, tied") for line in lines)
    assert not any("tied" in line for line in paretune("methods", "lora").stdout.splitlines())


def test_the_list_of_methods_says_what_each_is_and_how_many_checks_pass(paretune: Paretune) -> None:
    done = paretune("methods")
    text = " ".join(done.stdout.split())
    for card in method_cards():
        assert re.search(rf"(^| ){re.escape(card.name)} ", text)
    assert re.search(r"lora 0\.002 \d+/\d+ Adds the product of two thin matrices to every linear layer\.", text)
    audit = audit_of(resolve(MethodEntry(name="lily")))
    assert audit is not None
    verdicts = [one.verdict.kind for one in audit.findings if one.model_kind == "causal-lm"]
    tried = len(verdicts) - verdicts.count("not_applicable")
    assert f"lily 0.002 {verdicts.count('pass')}/{tried} Low-rank" in text
    assert verdicts.count("fail") > 0
    assert "paretune methods NAME" in text
    assert len(done.stdout.splitlines()) < 200


def test_a_method_that_no_check_was_made_of_says_why(paretune: Paretune) -> None:
    text = " ".join(paretune("methods", "loftq").stdout.split())
    assert "causal-lm: unaudited: needs a GPU" in text
    assert "0 of 0" not in text


def test_one_method_counts_its_checks_and_lists_all_when_asked(paretune: Paretune) -> None:
    short, long = paretune("methods", "lora").stdout, paretune("methods", "lora", "--all").stdout
    findings = [one for audit in audits_of(resolve(MethodEntry(name="lora"))) for one in audit.findings]
    on_text = [one.verdict.kind for one in findings if one.model_kind == "causal-lm"]
    tried = len(on_text) - on_text.count("not_applicable")
    assert f"causal-lm: {on_text.count('pass')} of {tried} checks pass" in short
    assert long.count("✓") == sum(one.verdict.kind == "pass" for one in findings)
    assert "✓" not in short
    assert "Learning rate 0.002 by default. Measured" in short


def test_the_matrix_of_audits_has_a_column_for_a_check(paretune: Paretune) -> None:
    done = paretune("methods", "--audit")
    assert "blank: not reached" in done.stdout
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any("Merges" in line and "Batch" in line for line in lines)
    assert sum(line.startswith("lily ") for line in lines) >= 1
    assert "peft" in lines[-1] or "peft" in lines[-2]


def test_one_check_is_recorded_and_the_rest_of_the_record_stays(tmp_path: Path) -> None:
    lora, dora = (resolve(MethodEntry(name=name)) for name in ("lora", "dora"))

    def audit(spec: MethodSpec, **verdicts: Passed | NotPassed) -> MethodAudit:
        findings = (Finding(claim=claim, model_kind=CAUSAL_LM, verdict=one) for claim, one in verdicts.items())
        return MethodAudit(method=spec, findings=tuple(findings))

    bad = NotPassed(finding="it does not")
    about: dict[str, Any] = {"made_on": "2026-11-29", "packages": {"peft": "1"}, "base_models": {CAUSAL_LM: "toy"}}
    before = Audit(**about, methods=(audit(lora, trains=Passed(), causal=bad), audit(dora, causal=bad)))
    file = tmp_path / "recorded_audit.json"
    write_recorded(before, file)
    found = Audit(**about | {"made_on": "2026-11-30"}, methods=(audit(lora, causal=Passed()),))
    after = with_the_rest(found, file, ["causal"])
    assert after.made_on == "2026-11-30"
    assert after.methods == (audit(lora, trains=Passed(), causal=Passed()), audit(dora, causal=bad))
    with pytest.raises(InputError, match="made with peft 1, and 2 is installed: record all checks"):
        with_the_rest(found.model_copy(update={"packages": {"peft": "2"}}), file, ["causal"])
    oft = audit(resolve(MethodEntry(name="oft")), causal=Passed())
    with pytest.raises(InputError, match="has no audit of oft: record all checks"):
        with_the_rest(found.model_copy(update={"methods": (oft,)}), file, ["causal"])


def test_an_unknown_check_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match='unknown check "trains_on_nf5"'):
        audit_methods(["lora"], claims=["trains_on_nf5"], jobs=1)
