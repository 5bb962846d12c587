"""The chart of the page, the main metric against one cost with the Pareto front, as Vega-Lite made by altair."""

import math
from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row
from paretune.analysis.table.scored import main_metric
from paretune.spec import COSTS, METRICS, Metric, Unit

_SUFFIXES = {Unit.BYTES: "B", Unit.SECONDS: "s"}
_LOG_FROM_RATIO = 20.0
CHART_HEIGHT = 400
# Where a name may stand around its point; the page's script chooses a place that is free.
_CORNERS: dict[str, tuple[Any, int, int]] = {
    "above right": ("left", 9, -9),
    "below right": ("left", 9, 10),
    "above left": ("right", -9, -9),
    "below left": ("right", -9, 10),
    "above": ("center", 0, -18),
    "below": ("center", 0, 20),
}


def chart_specs(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return a Vega-Lite specification for each cost that two rows or more have a value for.

    The rows have one main metric. Each specification reads a data set named "points" with the fields label, cost,
    cost_text, cost_low, cost_high, quality (the main metric), quality_text, low, high, front, share, tied, standing and
    corner; the page fills it for the chosen cost and task.
    """
    return {
        cost: _spec(main_metric(rows), cost, found) for cost, found in _drawn_values(rows).items() if len(found) > 1
    }


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


def _drawn_values(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return the values of each cost that can be drawn: finite, and with a main metric."""
    drawn = [row.metrics for row in rows if row.quality in row.metrics]
    return {
        cost: [metrics[cost] for metrics in drawn if cost in metrics and math.isfinite(metrics[cost])] for cost in COSTS
    }


def is_logarithmic(metric: Metric, values: Sequence[float]) -> bool:
    """Tell whether values spread so far that a logarithmic axis shows them better."""
    if metric.unit in {Unit.NATS, Unit.FRACTION, Unit.COSINE}:
        return False  # differences, which may be negative, and what ends at 1
    return bool(values) and min(values) > 0 and max(values) / min(values) > _LOG_FROM_RATIO


def _spec(main: Metric, cost: str, values: Sequence[float]) -> dict[str, Any]:
    import altair as alt

    metric = METRICS[cost]
    scale = (
        alt.Scale(type="log", padding=24)
        if is_logarithmic(metric, values)
        else alt.Scale(type="linear", zero=False, padding=24)
    )
    axis = value_axis(metric, grid=False)
    title = metric.label + (f" ({metric.unit})" if metric.unit is Unit.NATS else "") + " · less is better"
    x = alt.X("cost:Q", scale=scale, axis=axis, title=title)
    share = main.unit is Unit.FRACTION
    y = alt.Y(
        "quality:Q",
        axis=value_axis(main),
        scale=alt.Undefined if share else alt.Scale(zero=False, padding=24),
        title=f"{main.label} · {'less' if main.lower_is_better else 'more'} is better",
    )
    shade = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.35, 1]), legend=None)
    tooltip = [
        alt.Tooltip("label:N", title="Method"),
        alt.Tooltip("quality_text:N", title=main.label),
        alt.Tooltip("cost_text:N", title=metric.label),
        alt.Tooltip("standing:N", title="Standing"),
    ]
    chart = alt.Chart(alt.NamedData("points"))
    layers = [
        chart.transform_filter("datum.front").mark_line(interpolate="step-after").encode(x=x, y=y),
        chart.mark_rule().encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q", opacity=shade),
        chart.transform_filter("datum.tied").mark_point(size=260, filled=False, strokeWidth=1.2).encode(x=x, y=y),
        chart.mark_point(filled=True, size=90).encode(x=x, y=y, opacity=shade, tooltip=tooltip),
        *(
            chart.transform_calculate(name=f"datum.corner === '{corner}' ? datum.label : ''")
            .mark_text(align=align, dx=dx, dy=dy)
            .encode(x=x, y=y, text="name:N", opacity=shade)
            for corner, (align, dx, dy) in _CORNERS.items()
        ),
    ]
    if cost == "forgetting":
        sideways = chart.mark_rule().encode(x=alt.X("cost_low:Q", title=""), x2="cost_high:Q", y=y, opacity=shade)
        layers.insert(1, sideways)
    spec: dict[str, Any] = alt.layer(*layers).properties(width="container", height=CHART_HEIGHT).to_dict()
    spec.pop("config", None)  # colours and fonts are the page's
    return spec
