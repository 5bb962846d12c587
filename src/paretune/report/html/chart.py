"""The chart of the page, any two metrics with their Pareto front, as Vega-Lite made by altair."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from paretune.analysis import Row
from paretune.analysis.table.comparable import same_conditions
from paretune.report.html.page_table import view_key
from paretune.spec import COSTS, Metric, Unit

_SUFFIXES = {Unit.BYTES: "B", Unit.SECONDS: "s"}
_LOG_FROM_RATIO = 20.0
CHART_HEIGHT = 400
# Where a name may stand around its point; the page's script chooses a place that is free.
_CORNERS: dict[str, tuple[Any, int, int]] = {
    "above right": ("left", 9, -9),
    "below right": ("left", 9, 10),
    "above left": ("right", -9, -9),
    "below left": ("right", -9, 10),
    "higher right": ("left", 9, -24),
    "lower right": ("left", 9, 25),
    "above": ("center", 0, -18),
    "below": ("center", 0, 20),
}


def chart_data(rows: Sequence[Row], metrics: Sequence[Metric]) -> dict[str, Any] | None:
    """Return what the script draws the chart of any two metrics from; None where there is nothing to draw.

    `metrics` are those that a reader may choose from, where two rows or more have a value. One specification serves all
    pairs: the script gives it the axes of the chosen two, and a data set named "points" with the fields label, view,
    x_value, x_text, x_low, x_high, the same for y, front, shade, tied, standing, text and corner.
    """
    values = {metric.name: _finite(rows, metric.name) for metric in metrics}
    names = [name for name, found in values.items() if len(found) > 1]
    mains, costs = {row.quality for row in rows}, [cost for cost in COSTS if cost in names]
    others = [name for name in names if name not in mains and name not in costs]
    if not mains & set(names) or not costs + others:
        return None
    table = {metric.name: metric for metric in metrics}
    return {
        "spec": _spec(),
        "x": [*costs, *others, *(name for name in names if name in mains)],
        "y": [*(name for name in names if name in mains and len(mains) > 1), *others, *costs],
        "costs": costs,
        "axes": {name: value_axis(table[name]).to_dict() for name in names},
        "logarithmic": [name for name in names if is_logarithmic(table[name], values[name])],
        "views": {
            view_key(*key): _front_rules([row for row in rows if (row.task, row.split) == key], names)
            for key in dict.fromkeys((row.task, row.split) for row in rows)
        },
    }


def _finite(rows: Sequence[Row], name: str) -> list[float]:
    return [row.metrics[name] for row in rows if name in row.metrics and math.isfinite(row.metrics[name])]


def _front_rules(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[str]]:
    """Return over which metrics of a task no front is drawn, and for which costs its probabilities are known."""
    records = [record for row in rows if row.outcome.kind == "ok" and not row.below_floor for record in row.records]
    standings = [row.standing for row in rows if row.standing]
    return {
        "incomparable": [name for name in names if not same_conditions(records, name)],
        "probable": [cost for cost in COSTS if any(cost in one.front_probabilities for one in standings)],
    }


@cache
def chart_bundle() -> str:
    """Return the JavaScript of Vega, Vega-Lite and Vega-Embed, which defines `window.vegaEmbed`. About 0.9 MB."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # Its own scope; and nothing inside may end the script element early.
    return "(function () {" + bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--") + "})();"


def value_axis(metric: Metric, *, grid: bool | None = None) -> Any:
    """Return an axis whose labels have a metric's unit."""
    import altair as alt

    suffix = _SUFFIXES.get(metric.unit)
    formats = {Unit.COUNT: "~s", Unit.FRACTION: "%"}
    return alt.Axis(
        labelExpr=f"format(datum.value, '~s') + '{suffix}'" if suffix else alt.Undefined,
        format=formats.get(metric.unit, alt.Undefined),
        grid=alt.Undefined if grid is None else grid,
        tickCount=6,
        labelSeparation=14,
    )


def is_logarithmic(metric: Metric, values: Sequence[float]) -> bool:
    """Tell whether values spread so far that a logarithmic axis shows them better."""
    if metric.unit in {Unit.NATS, Unit.FRACTION, Unit.COSINE, Unit.POINTS}:
        return False  # differences, which may be negative, and what ends at 1
    return bool(values) and min(values) > 0 and max(values) / min(values) > _LOG_FROM_RATIO


def _spec() -> dict[str, Any]:
    import altair as alt

    x, y = alt.X("x_value:Q"), alt.Y("y_value:Q")
    shade = alt.Opacity("shade:Q", scale=None)
    tooltip = [alt.Tooltip(f"{name}:N", title=name) for name in ("label", "y_text", "x_text", "standing")]
    # The wheel alone scrolls the page.
    zoom = alt.selection_interval(name="zoom", bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]")
    chart = alt.Chart(alt.NamedData("points"))
    layers = [
        chart.transform_filter("datum.front").mark_line(interpolate="step-after", clip=True, aria=False).encode(
            x=x, y=y, detail="view:N"
        ),
        chart.transform_filter("isValid(datum.y_low)").mark_rule(clip=True, aria=False).encode(
            x=x, y=alt.Y("y_low:Q", title=""), y2="y_high:Q", opacity=shade
        ),
        chart.transform_filter("isValid(datum.x_low)").mark_rule(clip=True, aria=False).encode(
            x=alt.X("x_low:Q", title=""), x2="x_high:Q", y=y, opacity=shade
        ),
        chart.transform_filter("datum.tied").mark_point(
            size=260, filled=False, strokeWidth=1.2, clip=True, aria=False
        ).encode(x=x, y=y),
        chart.mark_point(filled=True, size=90, clip=True).encode(
            x=x, y=y, opacity=shade, tooltip=tooltip, description="text:N"
        ).add_params(zoom),
        *(
            chart.transform_calculate(name=f"datum.corner === '{corner}' ? datum.label : ''")
            .mark_text(align=align, dx=dx, dy=dy, clip=True, aria=False)
            .encode(x=x, y=y, text="name:N", opacity=shade)
            for corner, (align, dx, dy) in _CORNERS.items()
        ),
    ]  # fmt: skip
    spec: dict[str, Any] = alt.layer(*layers).properties(width="container", height=CHART_HEIGHT).to_dict()
    spec.pop("config", None)  # colours and fonts are the page's
    return spec
