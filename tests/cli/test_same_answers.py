"""Python and the command give the same answer to the same question."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import paretune
from paretune.analysis import Evidence
from paretune.cli.app import app
from paretune.methods import resolve
from paretune.spec import InputError, MethodEntry, OutOfMemory
from tests.analysis.contradictions import few_draws
from tests.records import make_record
from tests.studies import drawn_answers, evidence, write_study

NUM_QUESTIONS = 200
METHODS = ("full", "lora", "dora", "oft", "lily", "ia3", "base", "boft", "lorra")
"""Lily fails its audit. The last two have no result and do not exist."""
ACCURACIES = {"full": 0.75, "lora": 0.45, "dora": 0.46, "oft": 0.25, "lily": 0.5, "ia3": 0.04, "base": 0.05}
CHOICES: dict[str, tuple[Any, ...]] = {
    "max_memory": ("2GB", "1.3GB", "24"),
    "max_checkpoint": ("50MB", "9MB"),
    "max_step_time": ("2.5s", "300ms"),
    "max_forgetting": ("0.04", "0.2"),
    "max_trainable": ("2M", "300k"),
    "min_accuracy": ("30%", "0.01", "2"),
    "limits": (["forgetting<=0.05"], ["accuracy>=40%", "step_seconds<=3s"], ["speed<=1"]),
    "mergeable": (True,),
    "servable": ("vllm", "transformers", "llama.cpp", "ollama", "abacus"),
    "capabilities": (["causal"], ["batch_invariant", "reloads"], ["causl"]),
    "maximise": ("accuracy", "train_peak_bytes", "forgetting", "speed"),
    "weights": ({"accuracy": 2.0, "train_peak_bytes": 1.0}, {"speed": 1.0}),
}
OF_ALL: dict[str, tuple[Any, ...]] = {"task": ("word_problems", "other"), "across": (True,)}
"""Options of `compare` and `recommend`; `claim` has the first."""
CLAIMS = (
    "{} beats {}",
    "{} beats {} by 2 points",
    "{} matches {} within 3 points at half the memory",
    "{} matches {} within 1 point",
    "{} > {} at 90% of the checkpoint",
    "{} {}",
)
REPEATED = {"limits": "--limit", "capabilities": "--capability", "weights": "--weight"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Return one untuned study with three seeds, and one tuned with five, of methods that were audited."""
    changes = {name: {"method": resolve(MethodEntry(name=name))} for name in ACCURACIES}
    made = []
    with few_draws():
        for num_seeds, tuned in ((3, False), (5, True)):
            answers = drawn_answers(ACCURACIES, num_seeds, num_questions=80)
            found = evidence(answers, **changes)
            trained = [name for name in ACCURACIES if name != "base"] if tuned else []
            tuning = [
                make_record(name, split="validation", learning_rate=10.0**-power, **changes[name])
                for name in trained
                for power in range(2, 5)
            ]
            whole = Evidence((*found.records, make_record("boft", outcome=OutOfMemory())), found.answers)
            folder = tmp_path_factory.mktemp("same") / f"study{num_seeds}"
            made.append(write_study(folder, whole, tuning))
        yield made


def question(number: int) -> tuple[str, list[Any], dict[str, Any]]:
    """Return a command, its arguments and its options under their names in Python."""
    rng = np.random.default_rng([8, number])
    one, two = (str(name) for name in rng.choice(METHODS[: 7 if rng.random() < 0.8 else 9], size=2))
    one = one.upper() if rng.random() < 0.1 else one
    kind = str(rng.choice(["compare", "claim", "recommend"], p=[0.25, 0.25, 0.5]))
    choices = {"compare": OF_ALL, "claim": {"task": OF_ALL["task"]}, "recommend": CHOICES | OF_ALL}[kind]
    options = {}
    for name in rng.choice([*choices], size=rng.integers(0, min(4, len(choices) + 1)), replace=False):
        values = choices[name]
        # What is refused is asked for now and then only, so that most questions have an answer.
        options[str(name)] = values[rng.integers(len(values)) if rng.random() < 0.3 else 0]
    if kind == "compare":
        return kind, [one, two], options
    if kind == "claim":
        return kind, [CLAIMS[rng.integers(len(CLAIMS))].format(one, two)], options
    return kind, [], options


def by_command(folder: Path, kind: str, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Return what the command prints, or its error."""
    typed = [kind, str(folder), *arguments, "--json"]
    for name, value in options.items():
        option = REPEATED.get(name, f"--{name.replace('_', '-')}")
        if isinstance(value, bool):
            typed.append(option)
        elif isinstance(value, dict):
            typed += [part for metric, weight in value.items() for part in (option, f"{metric}={weight}")]
        else:
            typed += [part for one in (value if isinstance(value, list) else [value]) for part in (option, one)]
    done = CliRunner().invoke(app, typed)
    if done.exception is not None:
        assert isinstance(done.exception, InputError), done.output
        return _in_python(str(done.exception))
    value = json.loads(done.stdout)
    del value["text"]
    return value


def by_python(folder: Path, kind: str, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Return what the function returns, or its error."""
    try:
        found = getattr(paretune, kind)(folder, *arguments, **options)
    except InputError as error:
        return str(error)
    return found.model_dump(mode="json")


def _in_python(message: str) -> str:
    """Return an error with an option's name as Python has it."""
    for name in CHOICES:
        message = message.replace(f"{REPEATED.get(name, '--' + name.replace('_', '-'))}:", f"{name}:")
    return message


def test_python_and_command_give_the_same_answer(folders: list[Path]) -> None:
    answers: list[tuple[str, Any]] = []
    for number in range(NUM_QUESTIONS):
        asked = question(number)
        command, python = (ask(folders[number % 2], *asked) for ask in (by_command, by_python))
        assert command == python, asked
        answers.append((asked[0], python))
    given = [(kind, answer) for kind, answer in answers if not isinstance(answer, str)]
    assert 0.6 * NUM_QUESTIONS < len(given) < NUM_QUESTIONS, "most questions have an answer, and some are refused"
    # Questions that have no answer but "undecided" would compare little.
    verdicts = {kind: {answer["verdict"] for asked, answer in given if asked == kind} for kind in ("compare", "claim")}
    assert verdicts["compare"] >= {"better", "worse", "ahead", "behind", "undecided"}
    assert verdicts["claim"] == {"supported", "refuted", "undecided"}
    recommended = [answer for kind, answer in given if kind == "recommend"]
    reasons = {reason["kind"] for one in recommended for out in one["ruled_out"] for reason in out["reasons"]}
    assert reasons >= {"limit", "capability", "not above base", "does not train"}
    assert any(one["capabilities"] and one["shortlist"] for one in recommended)
    assert any(one["limits"] and one["shortlist"] for one in recommended)
