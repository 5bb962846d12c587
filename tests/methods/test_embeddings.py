"""Which configurations touch embeddings, and that nothing is said of them without an audit of that very case."""

from typing import Any

import pytest

from paretune.methods import resolve
from paretune.methods.capabilities import Capabilities, answering_of, audit_of, capabilities_of, marks_of
from paretune.methods.embeddings import touched_embeddings
from paretune.methods.variants import VARIANTS
from paretune.spec import MethodEntry, MethodSpec, Recipe

ATTENTION = ["q_proj", "v_proj"]
SAVED = {"modules_to_save": ["embed_tokens"]}


def spec(name: str, **parameters: Any) -> MethodSpec:
    return resolve(MethodEntry(name=name, parameters=parameters))


@pytest.mark.parametrize(
    ("method", "touched"),
    [
        (spec("lora"), {}),
        (spec("full"), {}),
        (spec("prompt-tuning"), {}),
        (spec("lora", target_modules=ATTENTION), {}),
        (spec("lora", target_modules="all-linear"), {}),
        (spec("lora", target_modules=[*ATTENTION, "lm_head"]), {"target_modules": {"output"}}),
        (spec("lora", target_modules=["model.embed_tokens"]), {"target_modules": {"input"}}),
        (spec("lora", target_modules=".*(q_proj|lm_head)"), {"target_modules": {"output"}}),
        (spec("lora", target_modules="("), {}),
        (spec("lora", modules_to_save=["wte", "lm_head"]), {"modules_to_save": {"input", "output"}}),
        (spec("lora", target_modules=[], target_parameters=["lm_head.weight"]), {"target_parameters": {"output"}}),
        (spec("lora", trainable_token_indices=[1]), {"trainable_token_indices": {"input"}}),
        (spec("lora", trainable_token_indices={"lm_head": [1]}), {"trainable_token_indices": {"output"}}),
        (spec("trainable-tokens"), {"target_modules": {"input"}}),
        (spec("trainable-tokens", target_modules=["lm_head"]), {"target_modules": {"output"}}),
    ],
)
def test_what_touches_embeddings(method: MethodSpec, touched: dict[str, set[str]]) -> None:
    assert touched_embeddings(method) == touched


@pytest.mark.parametrize(
    ("parameters", "untied", "tied"),
    [
        ({"target_modules": [*ATTENTION, "lm_head"]}, True, False),
        ({"target_modules": ["o_proj", "embed_tokens"]}, True, False),
        ({"target_modules": ["embed_tokens"], "ensure_weight_tying": True}, True, False),
        ({"modules_to_save": ["lm_head"]}, True, True),
        (SAVED, True, True),
        (SAVED | {"ensure_weight_tying": True}, True, True),
        ({"trainable_token_indices": [9]}, True, True),
        ({"modules_to_save": ["norm"]}, None, None),
        (SAVED | {"use_dora": True}, None, None),
        ({"target_modules": ["lm_head"], "use_dora": True}, None, None),
        ({"target_modules": [*ATTENTION, "lm_head"], **SAVED}, None, None),
        ({"trainable_token_indices": {"lm_head": [9]}}, None, None),
    ],
)
def test_merging_depends_on_what_the_base_ties(
    parameters: dict[str, Any], untied: bool | None, tied: bool | None
) -> None:
    method = spec("lora", **parameters)
    assert capabilities_of(method, False).mergeable is untied
    assert capabilities_of(method, True).mergeable is tied
    if parameters != {"modules_to_save": ["norm"]}:
        assert capabilities_of(method, None) == Capabilities()


def test_where_embeddings_are_left_alone_it_does_not_matter_what_the_base_ties() -> None:
    assert audit_of(spec("lora"), True) == audit_of(spec("lora"), None) == audit_of(spec("lora")) is not None


def test_the_unknown_are_asked_alone_and_marked() -> None:
    unknown = spec("dora", target_modules=["lm_head"])
    assert answering_of(unknown, True).alone
    marks = marks_of(unknown, Recipe(), True)
    assert marks is not None
    assert marks.audit is None
    assert not answering_of(spec("trainable-tokens"), True).alone


def test_every_variant_that_touches_embeddings_is_recorded_for_both_kinds_of_base() -> None:
    specs = [resolve(MethodEntry(name=one.method, label=one.label, parameters=one.parameters)) for one in VARIANTS]
    touching = [method for method in specs if touched_embeddings(method)]
    assert len(touching) >= 10
    for method in touching:
        for tied in (False, True):
            audit = audit_of(method, tied)
            assert audit is not None, "run: paretune audit --all --record"
            assert (audit.method.parameters, audit.tied_embeddings) == (method.parameters, tied)
