"""Planning reads each data set and each record once."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pytest

from paretune.cli.planning import show_plan
from paretune.execute.duration import AtOnce
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.spec import METRICS, GeneralText, Record, Study, TaskCard
from paretune.spec.migrate import read_record
from paretune.store import Store
from paretune.tasks import Example, Score, Split, Task, read_general_text, registry
from tests.execute.stand_in import StandIn

Build = Callable[..., Study]


class Sums(Task):
    """A task that counts how often its data is read, over all instances."""

    card = TaskCard(
        name="sums",
        version="1",
        description="",
        source="",
        licence="",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"]),
    )
    default_options: ClassVar[dict[str, Any]] = {"first": 0}
    max_new_tokens = 4
    num_reads: ClassVar[Counter[int]] = Counter()

    @cached_property
    def _read(self) -> list[Example]:
        first = self.options["first"]
        self.num_reads[first] += 1
        numbers = range(first, first + 30)
        return [Example(f"sum {n}", f"{n} + 1 =", f" {n + 1}", str(n + 1), "all") for n in numbers]

    def examples(self, split: Split) -> Sequence[Example]:
        place = ("train", "validation", "test").index(split)
        return self._read[10 * place : 10 * place + 10]

    def score(self, text: str, example: Example) -> Score:
        return Score(text == example.target, text == example.target)


@pytest.fixture
def study(toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study of two data sets and general text, with methods that read examples of different lengths."""
    monkeypatch.setattr(registry, "_OWN", (Sums,))
    monkeypatch.setattr(Sums, "num_reads", Counter())
    (tmp_path / "texts.txt").write_text("One line of text.\nAnother line.\n")
    return toy_study(
        tasks=["sums", {"name": "sums", "options": {"first": 100}}],
        methods=["base", "lora", {"name": "ia3", "recipe": {"max_length": 60}}],
        seeds=[0, 1],
        general_text={"source": str(tmp_path / "texts.txt"), "num_texts": 2},
    )


def test_each_data_set_is_read_once(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def read(wanted: GeneralText) -> tuple[str, ...]:
        texts.append(wanted.source)
        return read_general_text(wanted)

    monkeypatch.setattr("paretune.execute.data_sets.read_general_text", read)
    prepare(study, Store(tmp_path / "results"))
    assert Sums.num_reads == {0: 1, 100: 1}
    assert texts == [str(tmp_path / "texts.txt")]


def test_data_that_changes_between_two_plans_is_read_anew(study: Study, tmp_path: Path) -> None:
    before = prepare(study, Store(tmp_path / "results")).stages.trials
    (tmp_path / "texts.txt").write_text("One line of text.\nQuite another line.\n")
    after = prepare(study, Store(tmp_path / "results")).stages.trials
    assert {trial.id for trial in before}.isdisjoint(trial.id for trial in after)
    assert Sums.num_reads == {0: 2, 100: 2}


def test_each_record_is_read_once_to_plan_and_once_more_under_the_lock(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", StandIn())
    first = run(study, results)
    reads: list[str] = []

    def read(value: dict[str, Any], where: str) -> Record:
        reads.append(where)
        return read_record(value, where)

    monkeypatch.setattr("paretune.store.folder.read_record", read)
    prepared = prepare(study, Store(results))
    show_plan(prepared, results, at_once=AtOnce(), retry=False, as_json=False)
    assert len(reads) == len(set(reads)) == len(first) == 10
    assert run(study, results, prepared=prepared) == first
    assert len(reads) == 20
