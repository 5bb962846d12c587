"""Estimates of memory in words: the table in a terminal, and JSON. Never mixed with what was measured."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from paretune.report.format import MISSING, count, plain, size
from paretune.spec.memory import MemoryEstimate, MemoryKind, MemoryPeak, NotEstimated

_TOGETHER: dict[str, tuple[MemoryKind, ...]] = {
    "Weights": (MemoryKind.BASE_WEIGHTS, MemoryKind.ADAPTER),
    "Gradients,\noptimizer": (MemoryKind.GRADIENTS, MemoryKind.OPTIMIZER_STATE),
    "Activations,\nlogits": (MemoryKind.ACTIVATIONS, MemoryKind.LOGITS),
    "Other": (MemoryKind.OTHER,),
}
_WIDEST = 500
"""Columns of a terminal in which every table fits."""
TITLE = "Estimated, not measured"


def estimates_summary(found: Sequence[MemoryEstimate | NotEstimated]) -> Group:
    """Return the table of these estimates for a rich console, least memory first, with what it assumes."""
    estimates = sorted(
        (one for one in found if isinstance(one, MemoryEstimate)), key=lambda one: _shown(one).needed_bytes
    )
    parts: list[Any] = []
    if estimates:
        parts += [Text(_heading(estimates[0]), "bold"), _Tables(estimates)]
        parts.append(Text(_what_needs_means(estimates[0]), "dim"))
        said = dict.fromkeys(text for one in estimates for text in (*one.assumptions, *_sharding_assumptions(one)))
        parts += [Text(f"Assumed: {plain(text)}", "dim") for text in said]
    parts += [
        Text(f"{plain(one.method)}: {plain(one.reason)}", "yellow") for one in found if isinstance(one, NotEstimated)
    ]
    return Group(*parts)


def estimates_json(found: Sequence[MemoryEstimate | NotEstimated]) -> dict[str, Any]:
    """Return the estimates as plain JSON values, in the order in which they were made. Bytes throughout."""
    return {
        "estimates": [json.loads(one.model_dump_json()) for one in found if isinstance(one, MemoryEstimate)],
        "not_estimated": [json.loads(one.model_dump_json()) for one in found if isinstance(one, NotEstimated)],
    }


def estimate_line(one: MemoryEstimate) -> str:
    """Return an estimate in a sentence that cannot be taken for a measurement."""
    return plain(f"{TITLE}: {one.method} would need {size(_shown(one).needed_bytes)} to train {_setting(one)}.")


def estimate_cells(one: MemoryEstimate, measured_bytes: float | None) -> list[str]:
    """Return an estimate as a row of the page's table, with what this study measured, if it did, in the last cell."""
    peak = _shown(one)
    cells = [plain(one.method), plain(_setting(one)), size(peak.needed_bytes)]
    cells.append(size(one.generate.needed_bytes) if one.generate else MISSING)
    return [*cells, MISSING if measured_bytes is None else size(int(measured_bytes))]


def _setting(one: MemoryEstimate) -> str:
    length = f", {one.sequence_length} tokens" if one.sequence_length else ""
    devices = f", on {one.sharded.words}" if one.sharded else ""
    checkpointing = ", gradient checkpointing" if one.gradient_checkpointing else ""
    chunks = f", loss in {one.loss_chunks} chunks" if (one.loss_chunks or 1) > 1 else ""
    where = f"{one.gpu or one.device}{devices}"
    return f"{one.model}{_dtypes(one)}, batch of {one.batch_size}{length}{checkpointing}{chunks}, {where}"


def _dtypes(one: MemoryEstimate) -> str:
    """Return what the base weights are held in: " in bfloat16 with linear layers in nf4"."""
    if one.dtype is None:
        return ""
    return f" in {one.dtype}" + (f" with linear layers in {one.quantisation}" if one.quantisation else "")


def _heading(one: MemoryEstimate) -> str:
    return f"{TITLE}: {plain(_setting(one))}"


def _what_needs_means(one: MemoryEstimate) -> str:
    if one.train.reserved_bytes is None:
        return f'"Needs" are bytes of live tensors; the kinds are those at training\'s peak{_gradients(one)}.'
    return (
        '"Needs" are bytes that PyTorch\'s allocator reserves, both for training and for generation; the kinds are '
        f"live tensors at training's peak{_gradients(one)}, and what the allocator rounds up and cannot fill comes on "
        "top of them."
    )


def _gradients(one: MemoryEstimate) -> str:
    """Return a remark where the peak comes before any gradient is there."""
    none_yet = not _shown(one).by_kind.get(MemoryKind.GRADIENTS)
    return " (there are no gradients yet then)" if none_yet else ""


class _Tables:
    """The table with all kinds of memory where it fits into the terminal, and without them where it does not."""

    def __init__(self, estimates: Sequence[MemoryEstimate]) -> None:
        self._estimates = estimates

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = _table(self._estimates, with_kinds=True)
        if Measurement.get(console, options.update(max_width=_WIDEST), whole).maximum <= options.max_width:
            yield whole
            return
        yield _table(self._estimates, with_kinds=False)
        yield Text("The kinds of memory are shown in a wider terminal, by --picture and by --json.", "dim")


def _table(estimates: Sequence[MemoryEstimate], *, with_kinds: bool) -> Table:
    table = Table()
    table.add_column("Method", no_wrap=True)
    table.add_column("Training\nneeds", justify="right")
    for heading in _TOGETHER if with_kinds else ():
        table.add_column(heading, justify="right")
    with_generation = any(one.generate for one in estimates)
    if with_generation:
        table.add_column("Generation\nneeds", justify="right")
    table.add_column("Trainable", justify="right")
    table.add_column("Checkpoint", justify="right")
    for answer in estimates[0].budgets:
        table.add_column(f"Fits {size(answer.budget_bytes)}", justify="right")
    for one in estimates:
        table.add_row(*_cells(one, with_kinds=with_kinds, with_generation=with_generation))
    return table


def _cells(one: MemoryEstimate, *, with_kinds: bool, with_generation: bool) -> list[str]:
    peak = _shown(one)
    cells = [plain(one.method), size(peak.needed_bytes)]
    if with_kinds:
        cells += [size(sum(peak.by_kind.get(kind, 0) for kind in kinds)) for kinds in _TOGETHER.values()]
    if with_generation:
        cells.append(size(one.generate.needed_bytes) if one.generate else MISSING)
    cells.append(count(one.trainable_parameters))
    cells.append(size(one.checkpoint_bytes) if one.checkpoint_bytes is not None else MISSING)
    for answer in one.budgets:
        largest = "not even one" if answer.largest_batch_size is None else f"largest batch {answer.largest_batch_size}"
        cells.append(f"{'yes' if answer.fits else 'no'}, {largest}")
    return cells


def _shown(one: MemoryEstimate) -> MemoryPeak:
    """Return the peak that a row is about: one device's share where training is sharded."""
    return one.sharded.train if one.sharded else one.train


def _sharding_assumptions(one: MemoryEstimate) -> Sequence[str]:
    return one.sharded.assumptions if one.sharded else ()
