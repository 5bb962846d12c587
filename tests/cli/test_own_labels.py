"""One line from a file with labels to a study with a head: the model decides, unless the person does."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.own_task import own_model, own_task
from paretune.cli.tasks_at_hand import TasksAtHand
from paretune.spec import EMBEDDED_ENCODER, EMBEDDED_MODEL, InputError
from paretune.tasks import get_any_task
from tests.records import make_record


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A table of texts with labels."""
    path = tmp_path / "reviews.csv"
    path.write_text("text;label\n" + "".join(f"review {n};{'good' if n % 3 else 'bad'}\n" for n in range(90)), "utf-8")
    return path


def planned(path: Path, *options: str) -> Any:
    line = ["run", "--data", str(path), "--methods", "base", "--plan", "--json", "--out", str(path.parent / "out")]
    done = CliRunner().invoke(app, [*line, *options])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    (report,) = json.loads(done.stdout)["data"]
    return report


@pytest.mark.parametrize(
    ("options", "task"),
    [
        (("--model", "toy:bert"), "own_labels"),
        (("--model", "toy:llama"), "own_data"),
        (("--model", "toy:llama", "--task", "own_labels"), "own_labels"),
    ],
)
def test_the_model_decides_whether_a_head_gives_the_label(labelled: Path, options: tuple[str, ...], task: str) -> None:
    report = planned(labelled, *options)
    assert report["task"] == task
    assert report["rows"]["labels"] == {"good": 60, "bad": 30}
    if task == "own_labels":
        assert report["rows"]["labelled"]["num_labels"] == 2
        assert report["shown"][0]["parts"][1] in ([" good", True], [" bad", True])


def test_what_does_not_go_with_a_head_is_one_line(labelled: Path) -> None:
    with pytest.raises(InputError, match="--prompt, --no-chat-template: a head reads texts and gives labels"):
        planned(labelled, "--model", "toy:bert", "--prompt", "text", "--no-chat-template")
    with pytest.raises(InputError, match=r"--metric: a head reads .* such options belong to the task own_data"):
        planned(labelled, "--model", "toy:bert", "--metric", "f1")
    with pytest.raises(InputError, match="--task gsm8k exclude each other"):
        planned(labelled, "--task", "gsm8k")
    with pytest.raises(InputError, match='task "own_data": needs a language model'):
        planned(labelled, "--model", "toy:bert", "--task", "own_data")


def test_without_a_model_a_head_goes_on_the_default_encoder() -> None:
    assert own_model(own_task("own_labels", None)) == EMBEDDED_ENCODER
    assert own_model(own_task(None, None)) == EMBEDDED_MODEL
    assert own_task(None, EMBEDDED_ENCODER) == "own_labels"


def test_the_page_finds_the_texts(labelled: Path) -> None:
    task = get_any_task("own_labels", {"path": str(labelled)})
    prompts = TasksAtHand().prompts(make_record(task=task.spec()))
    assert prompts
    assert all(text.startswith("review ") for text in prompts.values())
