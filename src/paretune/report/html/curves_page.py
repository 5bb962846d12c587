"""The section of the page that shows how learning rates were chosen: a small chart for each method, and a table."""

from collections.abc import Sequence
from typing import Any

from paretune.report.curves import (
    Curve,
    caption,
    choice_text,
    curve_notes,
    expected_text,
    figure_text,
    parameter_texts,
    point_at,
    step_name,
    steps_of,
)
from paretune.report.format import MISSING, plain, rate
from paretune.report.html.template import template
from paretune.spec import StudyPlan, Unit
from paretune.tune import Point

CHART_HEIGHT = 130
_LOG_FROM_RATIO = 4.0


def curves_section(curves: Sequence[Curve], plan: StudyPlan) -> str:
    """Return the section as HTML, or nothing where there is no curve. Text from records is escaped."""
    if not curves:
        return ""
    tasks = dict.fromkeys(curve.task for curve in curves)
    numbers = {id(curve): number for number, curve in enumerate(curves)}
    return template("curves.html").render(
        caption=caption(plan),
        notes=curve_notes(curves),
        figure=plan.metric.label,
        tasks=[_task(task, [curve for curve in curves if curve.task == task], numbers, plan) for task in tasks],
    )


def curve_specs(curves: Sequence[Curve], plan: StudyPlan) -> list[dict[str, Any]]:
    """Return a Vega-Lite specification for each curve. Curves of one task share the axis of the value."""
    return [_spec(curve, _domain([other for other in curves if other.task == curve.task]), plan) for curve in curves]


def _task(task: str, curves: Sequence[Curve], numbers: dict[int, int], plan: StudyPlan) -> dict[str, Any]:
    steps = steps_of(curves)
    return {
        "name": plain(task),
        "steps": [step_name(step, plan.tuning.per_decade) for step in steps],
        "panels": [
            {"number": numbers[id(curve)], "method": plain(curve.method), "choice": choice_text(curve)}
            for curve in curves
        ],
        "rows": [
            {
                "method": plain(curve.method),
                "prior": rate(curve.search.prior),
                "cells": [_cell(curve, point_at(curve, step, plan), plan) for step in steps],
                "expected": expected_text(curve, plan),
                "choice": choice_text(curve),
            }
            for curve in curves
        ],
    }


def _cell(curve: Curve, point: Point | None, plan: StudyPlan) -> dict[str, Any]:
    if point is None:
        return {"text": MISSING, "chosen": False}
    return {"text": figure_text(point, plan.metric), "chosen": point == curve.best}


def _domain(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the ends of the axis that these curves share."""
    figures = [point.figure for curve in curves for point in curve.points if point.figure is not None]
    if not figures:
        return 0.0, 1.0
    low, high = min(figures), max(figures)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _spec(curve: Curve, domain: tuple[float, float], plan: StudyPlan) -> dict[str, Any]:
    """Return one small chart. Settings without a value are crosses at the worse end of the axis."""
    import altair as alt

    (low, high), metric = domain, plan.metric
    logarithmic = low > 0 and high / low > _LOG_FROM_RATIO and metric.lower_is_better
    rows = [
        _row(point, curve, high if metric.lower_is_better else low, plan) for point in curve.points if point.outcomes
    ]
    rates = [point.candidate.learning_rate for point in curve.points]
    x = alt.X(
        "rate:Q",
        scale=alt.Scale(type="log", domain=[min(rates), max(rates)], padding=12),
        axis=alt.Axis(values=[min(rates), curve.search.prior, max(rates)], format=".0e", grid=False),
        title=None,
    )
    y = alt.Y(
        "figure:Q",
        scale=alt.Scale(type="log", domain=[low, high], padding=8)
        if logarithmic
        else alt.Scale(type="linear", domain=[low, high], zero=False, padding=8),
        axis=alt.Axis(tickCount=3, format="%" if metric.unit is Unit.FRACTION else "~g"),
        title=None,
    )
    tooltip = [
        alt.Tooltip("rate_text:N", title="Setting"),
        alt.Tooltip("figure_text:N", title=metric.label),
    ]
    chart = alt.Chart(alt.Data(values=rows))
    layers = [
        chart.transform_filter("datum.on_line").mark_line(strokeDash=[1, 0]),
        chart.transform_filter("datum.ok && !datum.chosen").mark_point(filled=False, size=40),
        chart.transform_filter("datum.chosen").mark_point(filled=True, size=110, opacity=1),
        chart.transform_filter("!datum.ok").mark_point(shape="cross", angle=45, size=60),
    ]
    whole = alt.layer(*(layer.encode(x=x, y=y, tooltip=tooltip) for layer in layers))
    spec: dict[str, Any] = whole.properties(width="container", height=CHART_HEIGHT).to_dict()
    spec.pop("config", None)  # colours and fonts are the page's
    return spec


def _row(point: Point, curve: Curve, worst: float, plan: StudyPlan) -> dict[str, Any]:
    same_rate = [other for other in curve.points if other.candidate.learning_rate == point.candidate.learning_rate]
    figures = [other.figure for other in same_rate if other.figure is not None]
    best = (min if plan.metric.lower_is_better else max)(figures, default=None)
    return {
        "rate": point.candidate.learning_rate,
        "figure": worst if point.figure is None else point.figure,
        "ok": point.figure is not None,
        "on_line": point.figure is not None and point.figure == best,
        "chosen": point == curve.best,
        "rate_text": ", ".join([rate(point.candidate.learning_rate), *parameter_texts(point)]),
        "figure_text": figure_text(point, plan.metric),
    }
