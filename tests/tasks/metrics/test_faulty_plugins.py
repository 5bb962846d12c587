"""A plug-in's metric that raises, or gives what it does not declare, is one line with its name before anything runs."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from paretune import plugins
from paretune.engine import answering, check_references
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError, Metric
from paretune.tasks import Example
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.metrics import TextMetric, registry
from paretune.tasks.own_data import OwnData

DECLARED: tuple[Metric, ...] = (
    Metric(name="quality", label="Quality", definition="What a plug-in finds.", low=0, high=1),
)


class Right(TextMetric):
    """Nothing is wrong with it."""

    metrics = DECLARED

    def score(self, text: str, example: Example) -> Mapping[str, float]:
        right = text.strip() == example.target
        return {"quality": 1.0} if right else self.of_wrong()

    def of_wrong(self) -> Mapping[str, float]:
        return {"quality": 0.0}


class ScoreRaises(Right):
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        raise KeyError("two\nlines")


class RaisesForWrong(Right):
    def of_wrong(self) -> Mapping[str, float]:
        raise RuntimeError("no idea")


class NanForWrong(Right):
    def of_wrong(self) -> Mapping[str, float]:
        return {"quality": float("nan")}


class BelowBounds(Right):
    def of_wrong(self) -> Mapping[str, float]:
        return {"quality": -5.0}


class GivesText(Right):
    def of_wrong(self) -> Any:
        return {"quality": "bad"}


class GivesNothing(Right):
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        return {}


class GivesAnother(Right):
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        return {"other": 1.0}


class TakesRaises(Right):
    def takes(self, example: Example) -> bool:
        raise RuntimeError(f"what is {example.id}?")


class InitRaises(Right):
    argument = "N"

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self.number = int(argument)


class CheckRaises(Right):
    def check(self) -> None:
        raise OSError("no file")


class NoMetrics(TextMetric):
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        return {}


class Abstract(TextMetric):
    metrics = DECLARED


class NoCorpus(Right):
    metrics = (*DECLARED, Metric(name="over_all", label="Over all", definition="Of all.", per="corpus"))


class ReadRaises(NoCorpus):
    @staticmethod
    def _read(text: str, example: Any) -> Any:  # noqa: ARG004
        raise LookupError("not there")

    corpus_metrics = {"over_all": CorpusMetric(_read, len)}


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kinds = [one for one in globals().values() if isinstance(one, type) and issubclass(one, TextMetric)]
    points = EntryPoints(EntryPoint(one.__name__, f"{__name__}:{one.__name__}", registry.PLUGIN_GROUP) for one in kinds)
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.select(group=group))
    plugins.forget_plugins()
    yield
    plugins.forget_plugins()


def planned(folder: Path, metric: str) -> int:
    path = folder / "data.jsonl"
    rows = [{"prompt": f"What is {n}?", "completion": f"answer {n}"} for n in range(40)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    task, tokenizer = OwnData({"path": str(path), "metric": [metric]}), toy_tokenizer()
    return check_references(task, tokenizer, answering(task, tokenizer))


def test_one_without_fault_goes_through(tmp_path: Path) -> None:
    assert planned(tmp_path, "Right") > 2


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("ScoreRaises", r'metric "quality": "score" fails for the answer .* to row \d+: KeyError: .two\\nlines.'),
        ("RaisesForWrong", 'metric "quality": "score" fails for the answer \'\' to row .*: RuntimeError: no idea'),
        ("NanForWrong", 'metric "quality": "score" fails .* row .*: quality = nan is not within its bounds'),
        ("BelowBounds", 'metric "quality": "score" fails .* row .*: quality = -5 is not within its bounds'),
        ("GivesText", 'metric "quality": "score" fails .* row .*: TypeError: must be real number, not str'),
        ("GivesNothing", 'metric "quality": "score" fails .* row .*: it gives nothing where quality is declared'),
        ("GivesAnother", 'metric "quality": "score" fails .* row .*: it gives other where quality is declared'),
        ("TakesRaises", r'metric "quality": "takes" fails for the reference of row \d+: RuntimeError: what is row'),
        ("InitRaises:x", 'option metric: metric "InitRaises": its class cannot be used: invalid literal for int'),
        ("CheckRaises", 'option metric: metric "CheckRaises": its check fails: OSError: no file'),
        ("NoMetrics", 'option metric: metric "NoMetrics": "metrics" of its class NoMetrics must be a tuple'),
        ("Abstract", 'option metric: metric "Abstract": its class Abstract has no score'),
        ("NoCorpus", 'option metric: metric "NoCorpus": "corpus_metrics" must have what is declared per corpus'),
        ("ReadRaises", 'metric "quality": "read" fails for an answer to row .*: LookupError: not there'),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, metric: str, line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        planned(tmp_path, metric)
    assert "\n" not in str(caught.value)
