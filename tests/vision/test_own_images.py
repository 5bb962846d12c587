"""Images of one's own, and captions: planned, refused, trained on and asked about."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.execute.check import check_trials
from paretune.execute.trial import run_trial
from paretune.kinds import kind_named
from paretune.methods import resolve
from paretune.report.data_report import report_facts
from paretune.spec import IMAGE_TEXT, InputError, MethodEntry, Recipe, Trial
from paretune.tasks import AnyTask, get_any_task
from tests.methods.real_path import Silent
from tests.tasks.data.images import image, image_folder


def trial_of(task: AnyTask, base_model: str, method: str = "lora", max_length: int = 512) -> Trial:
    return Trial(
        base_model=base_model,
        task=task.spec(),
        method=resolve(MethodEntry(name=method)),
        learning_rate=None if method == "base" else 1e-2,
        seed=0,
        recipe=Recipe(steps=2, batch_size=4, max_length=max_length),
        measures=("answers",),
    )


def own(folder: Path, **options: object) -> AnyTask:
    return get_any_task("own_data", {"path": str(folder), "image_column": "file_name", **options})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of images of two sizes, with questions in messages."""
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which number?"}]}]
    found = image_folder(
        tmp_path / "photos", 24, messages=lambda n: [*turns, {"role": "assistant", "content": f"number {n}"}]
    )
    (found / "3.png").write_bytes(image(3, (50, 20)))
    return found


def test_a_trial_on_own_images(toy: Callable[[str], str], folder: Path, tmp_path: Path) -> None:
    task = own(folder, metric=["exact_match", "f1", "perplexity"])
    finished = run_trial(
        trial_of(task, toy("qwen")), tmp_path / "out", attempt=1, concurrent_workers=1, listener=Silent()
    )  # fmt: skip
    assert finished.record.outcome.kind == "ok", finished.record.outcome
    assert len(finished.items or ()) == len(task.examples("test"))  # type: ignore[attr-defined]
    assert {"accuracy", "f1", "perplexity", "validation_loss"} <= finished.record.metrics.keys()


@pytest.mark.parametrize("name", ["llava", "paligemma"])
def test_the_report_says_what_the_model_will_see(toy: Callable[[str], str], folder: Path, name: str) -> None:
    task = own(folder)
    trial = trial_of(task, toy(name))
    check_trials([trial])
    report = kind_named(IMAGE_TEXT).data_report(task, trial)
    assert report is not None
    facts = dict(report_facts(report))
    assert facts["Images"].startswith("24 different, ")
    assert facts["Images"].endswith(", 8 x 6 to 50 x 20 pixels, median 8 x 6")
    assert facts["First image as the model gets it"] == "pixel_values 1 x 3 x 32 x 32"
    question, answer = (text for text, _ in report.shown[0].parts)
    assert re.search(r"<image> \(1[67] times\).*Which number\?", question, re.DOTALL)
    assert answer.startswith("number " if report.chat_template else " number ")
    assert report.lengths["train"].longest > 30
    assert report.num_references == len(task.examples("validation")) + len(task.examples("test"))  # type: ignore[attr-defined]


def test_references_that_cannot_be_scored_right_are_refused(toy: Callable[[str], str], folder: Path) -> None:
    with pytest.raises(InputError, match="references could not be scored right: longer than max_new_tokens = 1"):
        check_trials([trial_of(own(folder, max_new_tokens=1), toy("llava"))])


def test_own_images_from_the_command_line(toy: Callable[[str], str], folder: Path, tmp_path: Path) -> None:
    line = ["run", "--data", str(folder), "--image-column", "file_name", "--methods", "base,lora", "--plan", "--json"]
    done = CliRunner().invoke(app, [*line, "--model", toy("llava"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.exception
    (report,) = json.loads(done.stdout)["data"]
    assert report["rows"]["images"]["num_different"] == 24
    refused = CliRunner().invoke(app, [*line, "--model", "toy:llama"])
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception) == (
        'task "own_data": needs a model that reads pictures and text; base_model is "toy:llama"'
    )
    encoder = CliRunner().invoke(app, [*line, "--model", "toy:bert"])
    assert "--image-column: a head reads texts and gives labels" in str(encoder.exception)
    without = CliRunner().invoke(app, ["run", *line[3:], "--model", "toy:llama"])
    assert "--image-column belongs to --data, which is missing" in str(without.exception)


def test_a_trial_on_captions(toy: Callable[[str], str], tmp_path: Path) -> None:
    task = get_any_task("captions", {"train_size": 8, "validation_size": 4, "test_size": 4})
    finished = run_trial(
        trial_of(task, toy("paligemma")), tmp_path, attempt=1, concurrent_workers=1, listener=Silent()
    )  # fmt: skip
    assert finished.record.outcome.kind == "ok", finished.record.outcome
    assert {"accuracy", "accuracy_lenient", "f1"} <= finished.record.metrics.keys()
    assert finished.record.groups.keys() == {"seen", "unseen"}
