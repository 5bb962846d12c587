"""The study of classification names methods that go on an encoder, and accounts for every other one."""

import re
from pathlib import Path

import pytest

from paretune.methods import method_cards, resolve
from paretune.methods.capabilities import audit_of
from paretune.spec import CLASSIFIER, Study

FILE = Path(__file__).parents[2] / "studies" / "classification-minilm.toml"


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.from_toml(FILE)


def test_at_least_35_methods_are_tuned_alike_and_run_with_three_seeds(study: Study) -> None:
    trained = [entry for entry in study.methods if resolve(entry).trains]
    assert len(trained) >= 35
    assert len({resolve(entry).peft_type for entry in trained}) >= 25
    assert all(not entry.parameters and not entry.recipe and entry.learning_rate is None for entry in trained)
    assert study.tuning is not None
    assert study.tuning.rates >= 3
    assert study.tuning.choose_by == "validation_loss"
    assert study.seeds == (0, 1, 2)


def test_its_baselines_are_in_it(study: Study) -> None:
    assert {"base", "tfidf"} == {entry.name for entry in study.methods if not resolve(entry).trains}


def test_every_method_of_it_passed_on_an_encoder(study: Study) -> None:
    for entry in study.methods:
        spec = resolve(entry)
        if spec.trains:
            audit = audit_of(spec)
            assert audit is not None, entry.name
            for claim in ("attaches", "trains", "reloads"):
                verdict = audit.verdict(claim, CLASSIFIER)
                assert verdict is not None, (entry.name, claim)
                assert verdict.kind == "pass", (entry.name, claim)


def test_every_other_method_is_left_out_by_name(study: Study) -> None:
    comment = " ".join(line.lstrip("# ") for line in FILE.read_text().splitlines() if line.startswith("#"))
    left_out = set(re.findall(r"[a-z][a-z0-9-]+", comment[comment.index("Left out") :]))
    named = {entry.name for entry in study.methods}
    known = {card.name for card in method_cards() if not card.family.startswith(("plug-in", "peft, no preset"))}
    assert known - named <= left_out
