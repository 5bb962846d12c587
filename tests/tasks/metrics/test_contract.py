"""Every metric that comes with Paretune keeps the contract that plug-ins inherit, and the contract notices."""

from typing import Any, ClassVar

import pytest

from paretune.tasks import Example
from paretune.tasks.metrics import metric_names, registry
from paretune.tasks.metrics.words import TokenF1
from paretune.testing import MetricContract

LONGER = ("one sentence of six whole words", "Another that is as long as that", "A third sentence, not very short")
NEEDED = {"rouge_l": "rouge_score", "chrf": "sacrebleu", "bleu": "sacrebleu"}
ARGUMENTS = {"regex": r"regex:(\w+)\W*$"}
REFERENCES = {"json": ('{"a": [1, 2]}', '{"a": [3]}'), "bleu": LONGER}


@pytest.mark.parametrize("name", metric_names())
class TestMetrics(MetricContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        if name in NEEDED:
            pytest.importorskip(NEEDED[name])
        self.metric = ARGUMENTS.get(name, name)  # type: ignore[misc] # here it is the parameter
        self.references = REFERENCES.get(name, MetricContract.references)  # type: ignore[misc]


class _Broken(TokenF1):
    fault: ClassVar[str]

    def score(self, text: str, example: Example) -> Any:
        match self.fault:
            case "raises":
                return {"f1": 1.0 if text == example.target else float(text)}
            case "bounds":
                return {"f1": 1.0 + (text != example.target)}
            case "undeclared":
                return {}
        return {"f1": 1.0 if self.fault == "all right" else 0.5}


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("raises", "test_whatever_is_written_has_values_within_bounds"),
        ("bounds", "test_whatever_is_written_has_values_within_bounds"),
        ("undeclared", "test_whatever_is_written_has_values_within_bounds"),
        ("references", "test_references_have_the_best_value"),
        ("all right", "test_a_wrong_answer_is_told_from_a_right_one"),
    ],
)
def test_the_contract_notices(fault: str, test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Broken, "fault", fault, raising=False)
    monkeypatch.setitem(registry.OWN, "broken", _Broken)

    class Contract(MetricContract):
        metric = "broken"

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), test)()
