"""Evaluating a checkpoint that is already there, of any kind of model, on a task."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.cli.experiments import task_options_from
from paretune.spec import EMBEDDED_MODEL, InputError, Measure, MethodSpec, Phase, Recipe, TaskSpec, Trial
from paretune.store import TRIAL_FILE

if TYPE_CHECKING:
    from paretune.kinds import Evaluation
    from paretune.tasks import AnyTask

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


class Replayed(NamedTuple):
    """What is evaluated."""

    trial: Trial
    task: "AnyTask"
    named: str | None
    """The base model that the checkpoint names, as it names it."""
    trained_as: str | None
    """The kind of model that it was trained as, by the kind's name or as peft calls it; None where it does not say."""

    @property
    def on_another_base(self) -> bool:
        """Whether the checkpoint names another base model than the one it is put on."""
        return self.named is not None and not _same_model(self.trial.base_model, self.named)


def evaluate_checkpoint(
    checkpoint: Path,
    task_name: str | None,
    model: str | None,
    limit: int | None,
    *,
    task_options: Sequence[str] = (),
    forgetting: bool = False,
    as_json: bool,
) -> None:
    """Evaluate a checkpoint that Paretune or peft saved, of any kind of model, and print its scores.

    What it forgot is measured where `forgetting` asks for it.

    A checkpoint of Paretune's own is evaluated as its trial was: base model, quantisation, attention, task options,
    general text and seed. Memory is not counted. On another base model than the checkpoint names, which `model` has to
    ask for, this is said in a line. Raises `InputError` where the checkpoint does not fit it, or is of another kind
    than the task is put to.
    """
    measures: tuple[Measure, ...] = ("answers", "forgetting") if forgetting else ("answers",)
    asked = replayed(checkpoint, task_name, model, task_options_from(task_options), measures)
    result, note = evaluated(asked, checkpoint, limit)
    if as_json:
        print(json.dumps(_as_json(asked, checkpoint, result), indent=1))
    else:
        print("\n".join(_lines(asked, checkpoint, result)))
        if note:
            print(f"base model {asked.trial.base_model}: {note}")


def evaluated(asked: Replayed, checkpoint: Path, limit: int | None) -> "tuple[Evaluation, str | None]":
    """Return what a checkpoint does with the task, and what is to be said of its base model."""
    import torch

    from paretune.kinds import Asked, kind_of, kind_on
    from paretune.measure import Phases
    from paretune.methods import build
    from paretune.methods.checkpoint import UnusableCheckpoint
    from paretune.models import prefetch

    trial, task = asked.trial, asked.task
    kind = kind_of(task)
    if asked.trained_as not in {None, kind.name, kind.traits.peft_task_type}:
        raise InputError(
            f'{checkpoint}: it was trained as "{asked.trained_as}", and the task "{task.card.name}" is put to the kind '
            f'"{kind.name}"; name the task that it was trained on, or another of its kind, with --task'
        )
    kind_on(task, trial.base_model)
    trial = trial.model_copy(update={"recipe": kind.recipe(trial.recipe)})
    if asked.on_another_base:
        print(
            f'warning: {checkpoint} was trained on "{asked.named}"; it is evaluated on "{trial.base_model}", as '
            "--model says",
            file=sys.stderr,
        )
    prefetch(trial.base_model)
    listener = _Lines()
    phases = Phases(on_enter=listener.phase)
    with phases.during(Phase.LOAD):
        loaded = kind.load(task, trial)
    torch.manual_seed(trial.seed)
    questions = Asked(trial, task, build(trial.method), checkpoint, limit)
    try:
        return kind.evaluate(questions, loaded, phases, listener.progress), loaded.note
    except UnusableCheckpoint as error:
        if not asked.on_another_base:
            raise
        raise InputError(
            f'{checkpoint}: it was trained on "{asked.named}" and does not fit "{trial.base_model}", which --model '
            f"names; leave --model out, or name its own base model ({error})"
        ) from None


def _as_json(asked: Replayed, checkpoint: Path, result: "Evaluation") -> dict[str, Any]:
    return {
        "checkpoint": str(checkpoint),
        "base_model": asked.trial.base_model,
        "named_base_model": asked.named,
        "task": asked.task.spec().model_dump(),
        "num_items": len(result.items),
        "generator": result.generator,
        "metrics": result.metrics,
        "standard_errors": result.standard_errors,
        "groups": result.groups,
        **({"skills": [one.model_dump(exclude={"changes"}) for one in result.skills]} if result.skills else {}),
    }


def _lines(asked: Replayed, checkpoint: Path, result: "Evaluation") -> list[str]:
    from paretune.analysis.statistics.estimate import one_run_estimate
    from paretune.analysis.statistics.intervals import Z_95, Interval
    from paretune.report.format import show
    from paretune.spec import METRICS, Unit

    main, *others = asked.task.card.metrics
    value = result.metrics[main.name]
    if main.per == "item":
        ends = one_run_estimate([item.scores[main.name] for item in result.items], main.is_share).interval
    else:
        half = Z_95 * result.standard_errors[main.name]
        ends = Interval(value - half, value + half)
    low, high = (show(main, main.within(end)) for end in ends)
    found = {main.words: f"{show(main, value)} (95% interval {low} to {high})"}
    found |= {one.words: show(one, result.metrics[one.name]) for one in others if one.name in result.metrics}
    for name, metric in METRICS.items():
        if metric.phase is Phase.RETAIN and name in result.metrics:
            digits = 1 if metric.unit is Unit.POINTS else 4
            error = f" ± {result.standard_errors[name]:.{digits}f}" if name in result.standard_errors else ""
            found[metric.words] = f"{result.metrics[name]:+.{digits}f}{error} {metric.unit.value}"
    for skill in result.skills:
        text = f"{skill.before:.1%} before, {skill.after:.1%} after"
        found[f"skill {skill.name}"] = f"{text} ({skill.metric.lower()}, {len(skill.changes)} questions)"
    width = max(map(len, found))
    lines = [f"{name:<{width}} {text}" for name, text in found.items()]
    return [f"{checkpoint} on {asked.task.card.name}, {len(result.items)} {main.items}", *lines]


def _same_model(reference: str, named: str) -> bool:
    """Tell whether a reference is to the model that a checkpoint names, by a reference or as peft does."""
    from paretune.models.reference import parse

    if reference == named:
        return True
    parsed = parse(reference)
    if parsed.kind == "path":
        return Path(parsed.name).expanduser().resolve() == Path(named.removeprefix("path:")).expanduser().resolve()
    return parsed.kind == "hub" and parsed.name == named


def replayed(
    checkpoint: Path,
    task_name: str | None,
    model: str | None,
    options: dict[str, Any],
    measures: tuple[Measure, ...],
) -> Replayed:
    """Return what to evaluate: the trial saved with the checkpoint, with what the command changes."""
    from paretune.models import pinned
    from paretune.tasks import get_any_task, task_of

    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no such folder; give the folder that holds adapter_config.json")
    trial_file = checkpoint / TRIAL_FILE
    saved = Trial.read(_json(trial_file), str(trial_file)) if trial_file.exists() else None
    if saved is not None and task_name in {None, saved.task.name}:
        kept = saved.task.model_copy(update={"options": {**saved.task.options, **options}})
        task = task_of(kept)
    else:
        task = get_any_task(task_name or "word_problems", options)
        task.fit_options()
    if saved is not None:
        base_model = model or pinned(saved.base_model, saved.base_content)
        content = None if model else saved.base_content
        changes: dict[str, Any] = {"base_model": base_model, "base_content": content, "task": _unread(task)}
        changes |= {"split": "test", "measures": measures}
        return Replayed(saved.model_copy(update=changes), task, saved.base_model, saved.model_kind)
    spec, named, trained_as = _described(checkpoint)
    base_model = model or _base_of(checkpoint, named)
    trial = Trial(base_model=base_model, task=_unread(task), method=spec, seed=0, recipe=Recipe(), measures=measures)
    return Replayed(trial, task, named, trained_as)


def checkpoint_base_model(checkpoint: Path, model: str | None) -> str:
    """Return the reference of a checkpoint's base model: `model` where given, or what the checkpoint names.

    Raises `InputError` where it takes a choice, or the checkpoint cannot be read.
    """
    if model:
        return model
    trial_file = checkpoint / TRIAL_FILE
    if trial_file.exists():
        return Trial.read(_json(trial_file), str(trial_file)).base_model
    return _base_of(checkpoint, _described(checkpoint)[1])


def _unread(task: "AnyTask") -> TaskSpec:
    """Return the task as data without the hash of what it yields, so that no data is read yet."""
    card = task.card
    return TaskSpec(name=card.name, version=card.version, options=task.options, content_hash=None, kind=task.kind)


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


def _described(checkpoint: Path) -> tuple[MethodSpec, str | None, str | None]:
    """Return the method of a checkpoint that has no trial with it, and what it names as base model and kind, if any."""
    config_file = checkpoint / "adapter_config.json"
    if config_file.exists():
        config = _json(config_file)
        if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
            raise InputError(f"{config_file}: not a peft configuration (no peft_type)")
        name = config["peft_type"].lower()
        named, kind = (
            value if isinstance(value, str) else None
            for value in map(config.get, ("base_model_name_or_path", "task_type"))
        )
        spec = MethodSpec(name=name, label=name, implementation="peft", peft_type=config["peft_type"])
        return spec, named, kind
    if (checkpoint / "config.json").exists():
        return MethodSpec(name="full", label="full", implementation="full"), None, None
    raise InputError(f"{checkpoint}: not a checkpoint (neither adapter_config.json nor config.json in it)")


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
