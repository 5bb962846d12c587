"""Converting a checkpoint to LoRA: from options to folders, and what each rank costs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.cli.evaluate import Replayed, evaluated, replayed
from paretune.cli.training_options import whole_numbers
from paretune.spec import InputError, Metric, Trial
from paretune.store import TRIAL_FILE

if TYPE_CHECKING:
    from paretune.analysis.statistics.paired import Difference
    from paretune.kinds import Evaluation
    from paretune.store import Item

TARGETS = ("lora",)


class Converted(NamedTuple):
    """A LoRA of one rank in place of the original."""

    rank: int
    folder: Path
    num_bytes: int
    lost_share: float
    """Of the change of the weights, in the Frobenius norm."""
    value: float | None = None
    """The main metric over the questions that were asked; None where none were."""
    difference: "Difference | None" = None
    """From the original, question by question."""


def convert_checkpoint(
    checkpoint: Path,
    target: str,
    ranks: str,
    out: Path,
    *,
    linear_only: bool,
    questions: int,
    model: str | None,
    as_json: bool,
) -> None:
    """Write a LoRA of each rank and print what it loses. Raises `InputError` for what cannot be converted."""
    if target not in TARGETS:
        raise InputError(f"--to {target}: there is no such target; there are: {', '.join(TARGETS)}")
    folders = {rank: out / f"rank-{rank}" for rank in whole_numbers("--rank", ranks, "8,16,32")}
    for rank, folder in folders.items():
        if rank < 1:
            raise InputError(f"--rank: {rank} is no rank; the smallest is 1")
        if (folder / TRIAL_FILE).exists():  # written last: without it a run was stopped half-way
            raise InputError(f"{folder}: is there already; choose another folder with --out")
    _refuse_a_lora(checkpoint, list(folders))
    asked = replayed(checkpoint, None, model, {}, ("answers",))
    found, left_out = _write_all(checkpoint, asked, folders, linear_only=linear_only)
    original = None
    if questions:
        original, _ = evaluated(asked, checkpoint, questions)
        found = [_compared(one, original, asked, questions) for one in found]
    if as_json:
        print(json.dumps(_as_json(checkpoint, asked, left_out, original, found), indent=1))
    else:
        print("\n".join(_lines(checkpoint, asked, left_out, original, found)))


def _refuse_a_lora(checkpoint: Path, ranks: Sequence[int]) -> None:
    """Raise `InputError` for a plain LoRA, unless each rank makes it smaller."""
    file = checkpoint / "adapter_config.json"
    if not file.is_file():
        return
    from paretune.methods.checkpoint import reading
    from paretune.methods.plain_lora import broken_rule, ranks_of, saved_config

    with reading(checkpoint):
        config = saved_config(checkpoint) or {}
        if broken_rule(config, checkpoint) is not None:
            return
        rank = max(ranks_of(config))
    if max(ranks) >= rank:
        raise InputError(f"{checkpoint}: is a plain LoRA of rank {rank} already; --rank below {rank} makes it smaller")


def _write_all(
    checkpoint: Path, asked: Replayed, folders: Mapping[int, Path], *, linear_only: bool
) -> tuple[list[Converted], list[str]]:
    """Write an adapter for each rank, with the trial that it belongs to.

    Returns what each is and loses, and the names of the parameters that are left out.
    """
    from rich.console import Console
    from rich.progress import Progress

    from paretune.kinds import kind_on
    from paretune.measure import folder_bytes
    from paretune.methods import build
    from paretune.methods.as_lora import factors_of_change, lora_spec, lost_share, merged, write_lora
    from paretune.store.atomic import refusing

    trial, where = _in_float32(asked.trial, checkpoint), str(checkpoint)
    kind = kind_on(asked.task, trial.base_model)
    base = kind.load(asked.task, trial)
    if kind.head(base.model, base.drawn):
        raise InputError(f"{where}: its task needs a head of its own, which a plain LoRA does not hold")
    tuned = merged(build(trial.method).load(kind.load(asked.task, trial).model, checkpoint), where)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("taking weights apart", total=None)
        factors, left_out = factors_of_change(
            base.model,
            tuned,
            where,
            linear_only=linear_only,
            on_layer=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    del tuned
    found = []
    for rank, folder in folders.items():
        spec = lora_spec(factors, rank, f"{trial.method.label} as LoRA of rank {rank}")
        with refusing(folder, "choose another folder with --out"):
            folder.parent.mkdir(parents=True, exist_ok=True)
            write_lora(base.model, factors, spec, kind.traits.peft_task_type, folder)
            found.append(Converted(rank, folder, folder_bytes(folder), lost_share(factors, rank)))
            of_lora = asked.trial.model_copy(update={"method": spec})
            (folder / TRIAL_FILE).write_text(of_lora.canonical_json(), encoding="utf-8")
    return found, left_out


def _in_float32(trial: Trial, checkpoint: Path) -> Trial:
    """Return the trial on a base in float32, where merging rounds least. Refuses a quantised base."""
    if trial.recipe.quantisation is not None:
        raise InputError(
            f"{checkpoint}: its base model is quantised ({trial.recipe.quantisation}), and a change of rounded weights "
            "is none of the weights: convert an adapter of an unquantised base model"
        )
    return trial.model_copy(update={"recipe": trial.recipe.model_copy(update={"dtype": "float32"})})


def _compared(one: Converted, original: "Evaluation", asked: Replayed, questions: int) -> Converted:
    """Return a LoRA with its main metric on the questions, and the difference from the original in pairs."""
    import numpy as np

    from paretune.analysis.statistics.paired import paired_difference
    from paretune.analysis.statistics.variance import VarianceComponents

    result, _ = evaluated(replayed(one.folder, None, asked.trial.base_model, {}, ("answers",)), one.folder, questions)
    main = asked.task.card.main_metric

    def components(items: "Sequence[Item]") -> VarianceComponents:
        values = np.array([item.scores[main.name] for item in items])
        return VarianceComponents(values, 1, 0.0, 0.0, 0.0, right_or_wrong=main.is_share)

    difference = paired_difference(components(result.items), components(original.items), items=main.items)
    return one._replace(value=result.metrics[main.name], difference=difference)


def _lines(
    checkpoint: Path,
    asked: Replayed,
    left_out: Sequence[str],
    original: "Evaluation | None",
    found: Sequence[Converted],
) -> list[str]:
    from paretune.methods.as_lora import some_of
    from paretune.report.format import percent, show, size

    main = asked.task.card.main_metric
    lines = [
        f"{checkpoint} ({asked.trial.method.label}) as LoRA, and the share of its change of the weights that is lost:"
    ]
    if left_out:
        lines.append(f"  left out, since a LoRA on linear layers cannot hold it: {some_of(left_out)}")
    if original is not None:
        value = show(main, original.metrics[main.name])
        lines.append(f"  original: {main.words} {value} on {len(original.items)} {main.items}")
    for one in found:
        text = f"  rank {one.rank}: {percent(one.lost_share)} lost, {size(one.num_bytes)}"
        if one.value is not None and one.difference is not None:
            value, low, high = (_points(main, end) for end in (one.difference.value, *one.difference.interval))
            text += f", {main.words} {show(main, one.value)} ({value}, 95% interval {low} to {high})"
        lines.append(f"{text}: {one.folder}")
    return lines


def _points(main: Metric, value: float) -> str:
    """Return a difference of a metric with its sign: of shares in points."""
    return f"{100 * value:+.1f} points" if main.is_share else f"{value:+.3g}"


def _as_json(
    checkpoint: Path,
    asked: Replayed,
    left_out: Sequence[str],
    original: "Evaluation | None",
    found: Sequence[Converted],
) -> dict[str, Any]:
    main = asked.task.card.main_metric
    return {
        "checkpoint": str(checkpoint),
        "method": asked.trial.method.label,
        "left_out": list(left_out),
        "metric": main.name,
        "original": None if original is None else original.metrics[main.name],
        "num_items": None if original is None else len(original.items),
        "converted": [
            {
                "rank": one.rank,
                "folder": str(one.folder),
                "bytes": one.num_bytes,
                "lost_share": one.lost_share,
                "value": one.value,
                "difference": one.difference and one.difference.value,
                "interval": one.difference and list(one.difference.interval),
            }
            for one in found
        ],
    }
