"""Answering a task's questions with a checkpoint that is already there."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretune.cli.experiments import task_options_from
from paretune.spec import EMBEDDED_MODEL, InputError, MethodSpec, Phase, Recipe, Trial

if TYPE_CHECKING:
    from paretune.tasks import Task

_EXAMPLE = f"--model {EMBEDDED_MODEL}"


class _Lines:
    """Says on standard error how far it is, ten times at most."""

    def __init__(self) -> None:
        self._said = -1

    def phase(self, phase: Phase) -> None:
        print(f"{phase} ...", file=sys.stderr)

    def progress(self, done: int, total: int, loss: float | None = None) -> None:
        del loss
        if (tenth := done * 10 // total) > self._said:
            self._said = tenth
            print(f"answered {done} of {total}", file=sys.stderr)


def evaluate_checkpoint(
    checkpoint: Path,
    task_name: str | None,
    model: str | None,
    limit: int | None,
    *,
    task_options: Sequence[str] = (),
    as_json: bool,
) -> None:
    """Evaluate a checkpoint that Paretune or peft saved, and print accuracy and forgetting.

    A checkpoint of Paretune's own is evaluated as its trial was: base model, quantisation, attention, task options,
    general text and seed. Memory is not counted.
    """
    trial, task = _replayed(checkpoint, task_name, model, task_options_from(task_options))

    import torch

    from paretune.execute.language import LanguageWork, evaluate
    from paretune.measure import Phases
    from paretune.methods import build
    from paretune.models import prefetch
    from paretune.models.tying import ties_embeddings

    prefetch(trial.base_model)
    listener = _Lines()
    phases = Phases(on_enter=listener.phase)
    with phases.during(Phase.LOAD):
        loaded = LanguageWork(trial, task).load()
    examples = task.examples("test")[:limit]
    torch.manual_seed(trial.seed)
    result = evaluate(
        loaded=loaded,
        method=build(trial.method),
        checkpoint=checkpoint,
        task=task,
        examples=examples,
        recipe=trial.recipe,
        phases=phases,
        listener=listener,
        tied_embeddings=ties_embeddings(trial.base_model),
        measures=("answers", "forgetting"),
        general_text=trial.general_text,
    )
    if as_json:
        value: dict[str, Any] = {
            "checkpoint": str(checkpoint),
            "base_model": trial.base_model,
            "task": task.spec().model_dump(),
        }
        value |= {"num_items": len(examples), "metrics": result.metrics, "standard_errors": result.standard_errors}
        print(json.dumps(value | {"groups": result.groups}, indent=1))
        return
    from paretune.analysis import wilson

    low, high = wilson(round(result.metrics["accuracy"] * len(examples)), len(examples))
    print(f"{checkpoint} on {task.card.name}, {len(examples)} questions")
    print(f"accuracy   {result.metrics['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})")
    print(f"lenient    {result.metrics['accuracy_lenient']:.1%}")
    print(f"forgetting {result.metrics['forgetting']:+.4f} ± {result.standard_errors['forgetting']:.4f} nats per token")
    if loaded.note:
        print(f"base model {trial.base_model}: {loaded.note}")


def _replayed(
    checkpoint: Path, task_name: str | None, model: str | None, options: dict[str, Any]
) -> tuple[Trial, "Task"]:
    """Return the trial to evaluate and its task: the one saved with the checkpoint, with what the command changes."""
    from paretune.tasks import get_task

    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no such folder; give the folder that holds adapter_config.json")
    trial_file = checkpoint / "trial.json"
    saved = Trial.read(_json(trial_file), str(trial_file)) if trial_file.exists() else None
    if saved is not None and task_name in {None, saved.task.name}:
        task = get_task(saved.task.name, {**saved.task.options, **options})
    else:
        task = get_task(task_name or "word_problems", options)
    if saved is not None:
        changes = {"base_model": model or saved.base_model, "task": task.spec(), "split": "test"}
        return saved.model_copy(update=changes), task
    spec, named = _described(checkpoint)
    base_model = model or _base_of(checkpoint, named)
    return Trial(base_model=base_model, task=task.spec(), method=spec, seed=0, recipe=Recipe()), task


def _base_of(checkpoint: Path, named: str | None) -> str:
    """Return the reference of the base model that a checkpoint names. Raises `InputError` where it takes a choice."""
    if named and Path(named).is_dir():
        return f"path:{named}"
    if named:
        raise InputError(
            f'{checkpoint}: it was trained on "{named}"; name that base model with --model, for example '
            f"--model hub:{named}@main or --model path:FOLDER"
        )
    raise InputError(f"{checkpoint}: it does not name its base model; give it with --model, for example {_EXAMPLE}")


def _described(checkpoint: Path) -> tuple[MethodSpec, str | None]:
    """Return the method of a checkpoint that has no trial with it, and the base model that it names, if any."""
    config_file = checkpoint / "adapter_config.json"
    if config_file.exists():
        config = _json(config_file)
        if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
            raise InputError(f"{config_file}: not a peft configuration (no peft_type)")
        name = config["peft_type"].lower()
        named = config.get("base_model_name_or_path")
        spec = MethodSpec(name=name, label=name, implementation="peft", peft_type=config["peft_type"])
        return spec, named if isinstance(named, str) else None
    if (checkpoint / "config.json").exists():
        return MethodSpec(name="full", label="full", implementation="full"), None
    raise InputError(f"{checkpoint}: not a checkpoint (neither adapter_config.json nor config.json in it)")


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
