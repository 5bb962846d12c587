"""A parameter that equals the library's default says nothing."""

from pathlib import Path
from typing import Any

import pytest

from paretune.interop.importers import import_peft_comparison
from paretune.methods import build, resolve
from paretune.methods.capabilities import audit_of, marks_of
from paretune.methods.peft import Peft
from paretune.models.tying import ties_embeddings
from paretune.spec import DIFFUSION, MethodEntry, Recipe
from paretune.store import load_records
from tests.outside import PUBLISHED, needs_published

DEFAULTS = {"bias": "none", "megatron_core": "megatron.core", "use_rslora": False, "rank_pattern": {}}


def test_defaults_change_neither_the_method_nor_its_audit() -> None:
    plain = resolve(MethodEntry(name="lora"))
    assert resolve(MethodEntry(name="lora", parameters=DEFAULTS)) == plain
    assert audit_of(resolve(MethodEntry(name="lora", parameters=DEFAULTS))) == audit_of(plain) is not None


def test_what_differs_from_the_default_or_the_preset_stays() -> None:
    assert resolve(MethodEntry(name="lora", parameters={"bias": "all"})).parameters["bias"] == "all"
    preset = resolve(MethodEntry(name="lora")).parameters
    for name in preset:
        assert resolve(MethodEntry(name="lora", parameters={name: preset[name]})).parameters == preset


def test_a_spec_handed_to_peft_is_a_copy() -> None:
    parameters: dict[str, Any] = {"modules_to_save": ["embed_tokens"], "target_modules": ["q_proj"]}
    spec = resolve(MethodEntry(name="lora", parameters=parameters))
    before = spec.canonical_json()
    method = build(spec)
    assert isinstance(method, Peft)
    config: Any = method.config(Recipe())
    config.modules_to_save.append("lm_head")
    assert spec.canonical_json() == before


@needs_published
def test_imported_results_that_list_the_librarys_defaults_are_audited_as_plain_ones(tmp_path: Path) -> None:
    import_peft_comparison(PUBLISHED, tmp_path)
    records = load_records(tmp_path / "peft-metamathqa")
    ties = {base_model: ties_embeddings(base_model) for base_model in {one.trial.base_model for one in records}}
    assert set(ties.values()) == {True}
    audited = {
        one.trial.method.label: audit_of(one.trial.method, ties[one.trial.base_model]) is not None for one in records
    }
    assert audited["lora rank32"]
    assert audited["vblora"]
    # The others were built by peft's plain class, where Paretune's has a class of its own, or under other switches.
    assert sum(audited.values()) >= 45
    assert not audited["trainable_tokens sos+eos"]


@pytest.mark.parametrize("name", ["lora", "oft", "lokr", "ia3"])
def test_an_image_row_carries_no_marks_of_language_models(name: str) -> None:
    spec = resolve(MethodEntry(name=name))
    audit = audit_of(spec)
    marks = marks_of(spec, Recipe(), model_kind=DIFFUSION)
    assert audit is not None
    assert marks is not None
    assert set(marks.failed) <= set(audit.failed(DIFFUSION))
