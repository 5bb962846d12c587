"""What is read from a recorded audit, and which methods it speaks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune import plugins
from paretune.kinds.diffusion import Diffusion
from paretune.methods import build, capabilities, resolve
from paretune.methods.capabilities import (
    Capabilities,
    answering_of,
    audit_of,
    capabilities_of,
    marks_of,
)
from paretune.methods.registry import peft_types
from paretune.spec import (
    CLAIMS,
    Audit,
    Finding,
    MethodAudit,
    MethodEntry,
    MethodSpec,
    NotApplicable,
    NotPassed,
    Passed,
    Recipe,
    Verdict,
)

DEPENDS = NotPassed(figure=0.5, finding="outputs move by 0.5")
FINE = {"batch_invariant": Passed(figure=0.0), "padding_invariant": Passed(figure=0.0)}


def lora(**parameters: Any) -> MethodSpec:
    return resolve(MethodEntry(name="lora", parameters=parameters))


def audited(spec: MethodSpec, verdicts: dict[str, Any]) -> MethodAudit:
    findings = (Finding(claim=claim, model_kind="causal-lm", verdict=verdict) for claim, verdict in verdicts.items())
    return MethodAudit(method=spec, findings=tuple(findings))


DEFAULTS = {"bias": "none", "megatron_core": "megatron.core", "init_lora_weights": True}


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes the audits given to it the recorded ones."""

    def record(*methods: MethodAudit) -> None:
        audit = Audit(
            made_on="2026-01-01",
            packages={"peft": "0.21.2"},
            base_models={},
            defaults=dict.fromkeys(("LORA", "ADALORA"), DEFAULTS),
            methods=methods,
        )
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        file.write_text(json.dumps(audit.model_dump(mode="json")))
        monkeypatch.setattr(capabilities, "RECORDED_AUDIT", file)

    return record


def test_every_claim_is_a_capability() -> None:
    assert list(Capabilities.model_fields) == sorted(Capabilities.model_fields, key=list(CLAIMS).index)
    assert set(Capabilities.model_fields) == set(CLAIMS)


def test_a_pass_is_a_yes_and_what_nobody_looked_at_is_unknown(recorded: Any) -> None:
    recorded(
        audited(lora(), {"mergeable": Passed(), "causal": DEPENDS, "exact_off": NotApplicable(reason="no switch")})
    )
    found = capabilities_of(lora())
    assert (found.mergeable, found.causal, found.exact_off, found.reloads) == (True, False, False, None)
    assert capabilities_of(resolve(MethodEntry(name="oft"))) == Capabilities()


def test_a_kind_of_model_has_the_capabilities_that_were_found_on_it() -> None:
    beft = resolve(MethodEntry(name="beft"))
    assert capabilities_of(beft).mergeable is False
    on_a_classifier = capabilities_of(beft, model_kind="classifier")
    assert on_a_classifier.mergeable is True
    assert on_a_classifier.servable_by_vllm is capabilities_of(beft).servable_by_vllm is False


@pytest.mark.parametrize(
    ("parameters", "speaks"),
    [
        ({"r": 64, "lora_alpha": 1.5, "lora_dropout": 0.1}, True),
        ({"target_modules": ["q_proj"]}, True),
        ({"use_dora": False, "bias": ""}, True),
        ({"use_dora": True}, False),
        ({"layer_replication": [[0, 2]]}, False),
        ({"bias": "all"}, False),
    ],
)
def test_sizes_share_an_audit_and_switches_do_not(parameters: dict[str, Any], speaks: bool, recorded: Any) -> None:
    recorded(audited(lora(), FINE))
    assert (audit_of(lora(**parameters)) is not None) == speaks


@pytest.mark.parametrize(
    ("parameters", "speaks"),
    [
        ({"bias": "none", "megatron_core": "megatron.core", "init_lora_weights": True, "use_dora": False}, True),
        ({"bias": "none", "modules_to_save": None}, True),
        ({"bias": "all"}, False),
        ({"init_lora_weights": False}, False),
    ],
)
def test_the_library_s_defaults_say_nothing_in_records_either(
    parameters: dict[str, Any], speaks: bool, recorded: Any
) -> None:
    recorded(audited(lora(), FINE))
    raw = MethodSpec(name="lora", label="old", implementation="peft", peft_type="LORA", parameters=parameters)
    assert (audit_of(raw) is not None) == speaks


def test_one_list_of_saved_modules_does_not_speak_for_another(recorded: Any) -> None:
    recorded(audited(lora(modules_to_save=["norm"]), FINE))
    assert audit_of(lora(modules_to_save=["norm"])) is not None
    assert audit_of(lora(modules_to_save=["q_proj"])) is None


def test_a_configuration_written_out_in_full_finds_its_audit(recorded: Any) -> None:
    recorded(audited(lora(), FINE), audited(resolve(MethodEntry(name="adalora")), FINE))
    written = {"r": 32, "bias": "none", "init_lora_weights": True, "use_dora": False, "megatron_core": "megatron.core"}
    for peft_type in ("LORA", "ADALORA"):
        spec = MethodSpec(name="theirs", label="theirs", implementation="peft", peft_type=peft_type, parameters=written)
        found = audit_of(spec)
        assert found is not None
        assert found.method.peft_type == peft_type
        assert audit_of(spec.model_copy(update={"parameters": written | {"bias": "all"}})) is None


def test_a_plug_in_is_looked_up_in_the_audit_of_its_package(
    recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(audited(lora(), FINE))
    spec = MethodSpec(name="mine", label="mine", implementation="mine", parameters={"r": 4})
    own = Audit(made_on="2026-02-02", packages={"peft": "1.0"}, base_models={}, methods=(audited(spec, FINE),))
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(plugins, "plugin_folders", lambda _: {"mine": folder})
    assert audit_of(spec) is None
    assert answering_of(spec).alone
    capabilities._read.cache_clear()
    (folder / "recorded_audit.json").write_text(json.dumps(own.model_dump(mode="json")))
    assert capabilities_of(spec).batch_invariant is True
    assert not answering_of(spec).alone
    marks = marks_of(spec, Recipe())
    assert marks is not None
    assert marks.audit == "audit 1 of 2026-02-02 with peft 1.0"
    assert audit_of(lora()) is not None
    assert audit_of(spec.model_copy(update={"implementation": "another"})) is None


def test_the_closest_audit_speaks(recorded: Any) -> None:
    wide, plain = audited(lora(r=64), {"causal": DEPENDS}), audited(lora(), {"causal": Passed()})
    recorded(wide, plain)
    assert audit_of(lora()) == plain
    assert audit_of(lora(r=64)) == wide


@pytest.mark.parametrize(
    ("verdicts", "alone"),
    [
        (FINE, False),
        (FINE | {"batch_invariant": DEPENDS}, True),
        (FINE | {"padding_invariant": DEPENDS}, True),
        ({"batch_invariant": Passed()}, True),
        (FINE | {"causal": DEPENDS}, False),
    ],
)
def test_who_is_asked_alone(verdicts: dict[str, Verdict], alone: bool, recorded: Any) -> None:
    recorded(audited(lora(), verdicts))
    assert answering_of(lora()).alone == alone
    assert build(lora()).answers_alone(tied_embeddings=False) == alone
    marks = marks_of(lora(), Recipe())
    assert marks is not None
    assert marks.answered_alone == alone


def test_the_unaudited_are_asked_alone_and_marked(recorded: Any) -> None:
    recorded()
    assert answering_of(lora()).alone
    marks = marks_of(lora(), Recipe())
    assert marks is not None
    assert marks.audit is None
    base = resolve(MethodEntry(name="base"))
    assert not answering_of(base).alone
    assert marks_of(base, Recipe()) is None


def test_bf16_is_held_against_those_alone_who_train_in_it(recorded: Any) -> None:
    recorded(audited(lora(), FINE | {"trains_in_bf16": DEPENDS}))
    in_bf16 = Recipe(dtype="bfloat16", trainable_dtype="as_base")
    as_peft_likes = Recipe(dtype="bfloat16", trainable_dtype="as_library")
    for recipe, failed in ((Recipe(), {}), (as_peft_likes, {}), (in_bf16, {"trains_in_bf16": "outputs move by 0.5"})):
        marks = marks_of(lora(), recipe)
        assert marks is not None
        assert marks.failed == failed
        assert marks.audit == "audit 1 of 2026-01-01 with peft 0.21.2"


def test_batches_in_bf16_are_held_against_those_alone_who_answer_in_it(recorded: Any) -> None:
    recorded(audited(lora(), FINE | {"batch_as_base_in_bf16": DEPENDS}))
    for recipe, failed in ((Recipe(), set()), (Recipe(dtype="bfloat16"), {"batch_as_base_in_bf16"})):
        marks = marks_of(lora(), recipe)
        assert marks is not None
        assert marks.warnings.keys() == failed
    assert not answering_of(lora()).alone


def test_images_are_drawn_in_batches_whatever_the_audit_found(recorded: Any) -> None:
    recorded(audited(lora(), FINE | {"batch_invariant": DEPENDS}))
    for spec in (lora(), resolve(MethodEntry(name="oft"))):
        marks = marks_of(spec, Recipe(), always_batched=Diffusion.traits.always_batched)
        assert marks is not None
        assert not marks.answered_alone


def test_a_claim_that_an_old_audit_lacks_is_unknown(recorded: Any) -> None:
    recorded(audited(lora(), FINE))
    assert capabilities_of(lora()).batch_as_base_in_bf16 is None
    assert not answering_of(lora()).alone


def test_the_audit_that_comes_with_the_package_covers_every_type_of_peft() -> None:
    missing = [name for name in peft_types() if audit_of(resolve(MethodEntry(name=name.lower()))) is None]
    assert not missing, "run: paretune audit --all --record"


@pytest.mark.parametrize(
    ("name", "parameters", "claims"),
    [
        ("lora", {}, set()),
        ("lora", {"layer_replication": [[0, 3]]}, {"mergeable"}),
        ("lily", {}, {"batch_invariant", "causal"}),
        ("prompt-tuning", {}, {"padding_invariant"}),
        ("p-tuning", {}, {"padding_invariant"}),
        ("cpt", {}, {"padding_invariant"}),
        ("ln-tuning", {}, {"trains_in_bf16"}),
        ("lora-fa", {}, {"switch_restores"}),
    ],
)
def test_what_it_holds_against_methods(name: str, parameters: dict[str, Any], claims: set[str]) -> None:
    audit = audit_of(resolve(MethodEntry(name=name, parameters=parameters)))
    assert audit is not None
    assert claims <= audit.failed().keys()
    assert claims or not audit.failed()
