"""What a recommendation may say of methods that touch embeddings depends on the base model of their records."""

from typing import Any

import pytest

from paretune.analysis import Evidence, no_answers
from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.recommend import recommend_from
from paretune.methods import resolve
from paretune.spec import MethodEntry, Record
from tests.records import make_record

TARGETS: dict[str, dict[str, Any]] = {
    "plain": {},
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "saved": {"modules_to_save": ["lm_head"]},
    "head-dora": {"target_modules": ["lm_head"], "use_dora": True},
}


def records(base_model: str) -> list[Record]:
    def method(label: str, parameters: dict[str, Any]) -> Any:
        return resolve(MethodEntry(name="lora", label=label, parameters=parameters))

    return [
        make_record(label, method=method(label, parameters), base_model=base_model)
        for label, parameters in TARGETS.items()
    ]


@pytest.mark.parametrize(
    ("base_model", "mergeable"),
    [
        ("toy:llama", {"plain": True, "head": True, "saved": True, "head-dora": None}),
        ("toy:tied-llama", {"plain": True, "head": False, "saved": True, "head-dora": None}),
        ("path:/no/such/folder", {"plain": True, "head": None, "saved": None, "head-dora": None}),
    ],
)
def test_the_base_of_the_records_decides(base_model: str, mergeable: dict[str, bool | None]) -> None:
    known = known_capabilities(records(base_model))
    assert {label: says["mergeable"] for label, says in known.items()} == mergeable


def test_a_recommendation_lists_only_what_was_measured_to_merge() -> None:
    made = records("toy:tied-llama")
    found = recommend_from(
        Evidence(tuple(made), no_answers), capabilities=["mergeable"], known=known_capabilities(made)
    )
    listed = {one.name for one in (*found.shortlist, *found.others)}
    assert listed == {"plain", "saved"}
    reasons = {one.name: [reason.kind for reason in one.reasons] for one in found.ruled_out}
    assert reasons == {"head": ["capability"], "head-dora": ["capability unknown"]}


def test_a_label_on_two_bases_has_what_both_have() -> None:
    both = known_capabilities([*records("toy:llama"), *records("toy:tied-llama")])
    assert both["head"]["mergeable"] is None
    assert both["saved"]["mergeable"] is True
