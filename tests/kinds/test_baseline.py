"""The baseline on words runs as a trial of its own, on the examples that methods are shown, and says how many."""

from pathlib import Path
from typing import Any

import pytest

from paretune.execute.check import check_trials
from paretune.execute.trial import run_trial
from paretune.kinds import kind_of
from paretune.kinds.base import Asked
from paretune.kinds.baseline import shown_examples
from paretune.methods import build
from paretune.report import results_json
from paretune.spec import InputError, Trial
from paretune.tasks import registry
from tests.kinds.first_letter import FirstLetter
from tests.kinds.test_classifier import trials
from tests.methods.real_path import Silent

pytest.importorskip("sklearn")


@pytest.fixture(autouse=True)
def _known_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OWN", (*registry._OWN, FirstLetter))


def shown(trial: Trial, folder: Path) -> list[str]:
    task = FirstLetter()
    loaded = kind_of(task).load(task, trial)
    return [one.id for one in shown_examples(Asked(trial, task, build(trial.method), folder), loaded)]


@pytest.mark.filterwarnings("ignore")
def test_it_is_a_row_that_says_what_it_learnt_from(tmp_path: Path) -> None:
    (tfidf,) = trials("toy:bert", "tfidf")
    check_trials([tfidf])
    finished = run_trial(tfidf, tmp_path, attempt=1, concurrent_workers=1, listener=Silent())
    record = finished.record
    assert record.outcome.kind == "ok", record.outcome
    assert record.audit is None
    assert finished.items is not None
    assert record.num_items == len(finished.items) == 5
    assert record.metrics.keys() == {"accuracy", "answers_per_second"}
    assert record.notes[0].startswith("no base model; learnt from 12 examples, those that the methods are shown; C = ")
    (note,) = [note for note in results_json([record])["notes"] if "learnt from 12 examples" in note]
    assert note.startswith("tfidf: no base model")


def test_it_sees_the_examples_that_training_shows(tmp_path: Path) -> None:
    recipes: list[dict[str, Any]] = [{"steps": 2}, {"steps": 2, "gradient_accumulation": 2}, {"steps": 24}]
    few, more, every = (shown(trials("toy:bert", "tfidf", recipe=recipe)[0], tmp_path) for recipe in recipes)
    assert len(few) == 8
    assert set(few) < set(every)
    assert len(more) == len(every) == 12
    other = shown(trials("toy:bert", "tfidf", recipe={"steps": 2}, seeds=[5])[0], tmp_path)
    assert other != few


def test_it_goes_with_labels_only() -> None:
    line = 'method "tfidf": goes with tasks of the kind classifier only; task "word_problems" is of the kind causal-lm'
    with pytest.raises(InputError, match=line):
        check_trials(trials("toy:llama", "tfidf", tasks=["word_problems"]))


def test_numbers_and_several_labels_are_refused_while_planning(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"word {n} and more,{n / 7}\n" for n in range(40)), "utf-8")
    task = {"name": "own_labels", "options": {"path": str(path)}}
    with pytest.raises(InputError, match='"tfidf": tells one label of a text, and task "own_labels" asks for a number'):
        check_trials(trials("toy:bert", "base", "tfidf", tasks=[task]))
    check_trials(trials("toy:bert", "base", tasks=[task]))
