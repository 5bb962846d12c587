"""Estimates as a picture: a bar for each method, stacked by what memory is for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paretune.report.estimates import TITLE
from paretune.report.html.chart import chart_bundle
from paretune.spec import InputError
from paretune.spec.memory import MemoryEstimate, MemoryKind

_SLACK = "rounded up by the allocator"
_COLOURS = ("#4c6a92", "#e0912f", "#c05a4e", "#8e6c8a", "#7ca982", "#b8c480", "#b0aca4", "#dedad2")
_BAR_HEIGHT = 22
_WIDTH = 720


def memory_chart(estimates: Sequence[MemoryEstimate]) -> dict[str, Any]:
    """Return the Vega-Lite specification of a stacked bar for each estimate, least memory first."""
    import altair as alt

    order = [*MemoryKind, _SLACK]
    rows = [row for one in estimates for row in _parts(one)]
    for budget in sorted({answer.budget_bytes for one in estimates for answer in one.budgets}):
        rows.append({"budget": budget / 1e9, "budget_text": f"{budget / 1e9:g} GB"})
    chart = alt.Chart(alt.Data(values=rows))
    bars = (
        chart.transform_filter("isValid(datum.method)")
        .mark_bar()
        .encode(
            y=alt.Y("method:N", sort=alt.EncodingSortField("total", op="max"), title=None),
            x=alt.X("gigabytes:Q", title="Peak of training in GB (10^9 bytes), estimated", stack="zero"),
            color=alt.Color("kind:N", sort=order, title=None, scale=alt.Scale(domain=order, range=list(_COLOURS))),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("method:N"), alt.Tooltip("kind:N"), alt.Tooltip("gigabytes:Q", format=".3f")],
        )
    )
    budgets = chart.transform_filter("isValid(datum.budget)")
    lines = budgets.mark_rule(strokeDash=[5, 4]).encode(x="budget:Q")
    names = budgets.mark_text(align="left", baseline="top", dx=4, dy=2).encode(
        x="budget:Q", y=alt.value(0), text="budget_text:N"
    )
    height = _BAR_HEIGHT * max(1, len(estimates))
    layered = alt.layer(bars, lines, names).properties(width=_WIDTH, height=height, title=_title(estimates))
    spec: dict[str, Any] = layered.to_dict()
    return spec


def write_memory_chart(estimates: Sequence[MemoryEstimate], path: Path) -> Path:
    """Write the picture, as a PNG or as an HTML page that works offline. Raises `InputError` for another ending."""
    import vl_convert

    if not estimates:
        raise InputError(f"{path}: nothing was estimated, so there is no chart")
    spec = memory_chart(estimates)
    match path.suffix.lower():
        case ".png":
            path.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
        case ".html":
            path.write_text(_page(spec), encoding="utf-8")
        case _:
            raise InputError(f"{path}: must end in .png or .html")
    return path


def _parts(one: MemoryEstimate) -> list[dict[str, Any]]:
    peak = one.sharded.train if one.sharded else one.train
    kinds: list[tuple[str, int]] = [(kind, peak.by_kind.get(kind, 0)) for kind in MemoryKind]
    kinds.append((_SLACK, peak.needed_bytes - peak.peak_bytes))
    return [
        {"method": one.method, "kind": kind, "gigabytes": num_bytes / 1e9, "place": place, "total": peak.needed_bytes}
        for place, (kind, num_bytes) in enumerate(kinds)
        if num_bytes > 0
    ]


def _title(estimates: Sequence[MemoryEstimate]) -> str:
    one = estimates[0]
    length = f", {one.sequence_length} tokens" if one.sequence_length else ""
    devices = f", {one.sharded.words}" if one.sharded else ""
    return f"{TITLE}: {one.model}, batch of {one.batch_size}{length}{devices}"


def _page(spec: dict[str, Any]) -> str:
    import json

    data = json.dumps(spec).replace("<", "\\u003c")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{TITLE}</title><body><div id="chart"></div>'
        f"<script>{chart_bundle()}</script><script>vegaEmbed('#chart', {data}, {{actions: false}})</script>"
        "</body></html>\n"
    )
