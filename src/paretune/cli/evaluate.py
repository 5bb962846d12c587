"""Answering a task's questions with a checkpoint that is already there."""

import json
import sys
from pathlib import Path
from typing import Any

from paretune.spec import EMBEDDED_MODEL, InputError, MethodSpec, Phase, Recipe, Trial


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
    checkpoint: Path, task_name: str, model: str | None, limit: int | None, *, as_json: bool
) -> None:
    """Evaluate a checkpoint that Paretune or peft saved, and print accuracy and forgetting."""
    from paretune.tasks import get_task

    task = get_task(task_name)
    spec, recipe, reference = _described(checkpoint)
    reference = model or reference or EMBEDDED_MODEL

    from paretune.execute.language import evaluate
    from paretune.measure import Phases
    from paretune.methods import build
    from paretune.models import load_model, prefetch

    prefetch(reference)
    listener = _Lines()
    phases = Phases(on_enter=listener.phase)
    with phases.during(Phase.LOAD):
        loaded = load_model(reference, recipe.dtype)
    examples = task.examples("test")[:limit]
    result = evaluate(
        loaded=loaded,
        method=build(spec),
        checkpoint=checkpoint,
        task=task,
        examples=examples,
        recipe=recipe,
        phases=phases,
        listener=listener,
    )
    if as_json:
        value: dict[str, Any] = {
            "checkpoint": str(checkpoint),
            "base_model": reference,
            "task": task.spec().model_dump(),
        }
        value |= {"num_items": len(examples), "metrics": result.metrics, "standard_errors": result.standard_errors}
        print(json.dumps(value | {"groups": result.groups}, indent=1))
        return
    from paretune.analysis import wilson

    low, high = wilson(round(result.metrics["accuracy"] * len(examples)), len(examples))
    print(f"{checkpoint} on {task_name}, {len(examples)} questions")
    print(f"accuracy   {result.metrics['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})")
    print(f"lenient    {result.metrics['accuracy_lenient']:.1%}")
    print(f"forgetting {result.metrics['forgetting']:+.4f} ± {result.standard_errors['forgetting']:.4f} nats per token")
    if loaded.note:
        print(f"base model {reference}: {loaded.note}")


def _described(checkpoint: Path) -> tuple[MethodSpec, Recipe, str | None]:
    """Return how a checkpoint is to be read: from the trial saved beside it, or from peft's own configuration."""
    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no such folder; give the folder that holds adapter_config.json")
    trial_file = checkpoint / "trial.json"
    if trial_file.exists():
        trial = Trial.read(_json(trial_file), str(trial_file))
        return trial.method, trial.recipe, trial.base_model
    config_file = checkpoint / "adapter_config.json"
    if config_file.exists():
        config = _json(config_file)
        if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
            raise InputError(f"{config_file}: not a peft configuration (no peft_type)")
        name = config["peft_type"].lower()
        return MethodSpec(name=name, label=name, implementation="peft", peft_type=config["peft_type"]), Recipe(), None
    if (checkpoint / "config.json").exists():
        return MethodSpec(name="full", label="full", implementation="full"), Recipe(), None
    raise InputError(f"{checkpoint}: not a checkpoint (neither adapter_config.json nor config.json in it)")


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
