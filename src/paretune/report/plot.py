"""Two metrics of a study against each other as a picture, for papers and READMEs."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.analysis import Row
from paretune.analysis.decisions.front import Front, FrontPoint
from paretune.analysis.statistics.intervals import Z_95
from paretune.report.format import plain
from paretune.report.html.chart import is_logarithmic, value_axis
from paretune.spec import Direction, InputError, Metric

Span = tuple[float, float]
WIDTH, HEIGHT = 560, 380
ENDINGS = (".svg", ".png", ".pdf")
_INK, _SOFT, _ACCENT = "#1f2328", "#7d8590", "#0b6bcb"
_FONT_SIZE, _LETTER_WIDTH, _LINE_HEIGHT = 11, 6.2, 13
_DOT = 6
"""Half the side of the square around a point that names stay out of."""
_MARGIN = 0.09
"""Free space between the outermost points and the frame, as a share of the axis."""


class Plotted(NamedTuple):
    """What is drawn."""

    front: Front
    x: Metric
    y: Metric
    intervals: Mapping[str, Mapping[str, Span]]
    """By metric, then by method: 95% intervals of those that have one."""


class Axis(NamedTuple):
    """From values to pixels."""

    low: float
    high: float
    logarithmic: bool
    pixels: int

    def place(self, value: float) -> float:
        """Return how far a value lies from the low end, in pixels."""
        low, high, value = (math.log(one) if self.logarithmic else one for one in (self.low, self.high, value))
        return self.pixels * (value - low) / (high - low)

    def value(self, pixels: float) -> float:
        """Return the value that lies so many pixels from the low end."""
        share = pixels / self.pixels
        return (
            self.low * (self.high / self.low) ** share
            if self.logarithmic
            else self.low + (self.high - self.low) * share
        )


def intervals_of(rows: Sequence[Row], name_of: Callable[[Row], str]) -> dict[str, dict[str, Span]]:
    """Return the 95% intervals of judged rows: of the main metric, and of what was forgotten by its error."""
    found: dict[str, dict[str, Span]] = {}
    for row in rows:
        if row.quality_interval is not None:
            found.setdefault(row.quality, {})[name_of(row)] = row.quality_interval.low, row.quality_interval.high
        for name in ("forgetting", "skills_lost"):
            error, value = row.standard_errors.get(name), row.metrics.get(name)
            if error is not None and value is not None and math.isfinite(error):
                found.setdefault(name, {})[name_of(row)] = value - Z_95 * error, value + Z_95 * error
    return found


def plot_spec(drawn: Plotted) -> dict[str, Any]:
    """Return the Vega-Lite specification. Raises `InputError` where fewer than two methods have both values."""
    import altair as alt

    points = [point for point in drawn.front.points if _whole(point, drawn)]
    if len(points) < 2:
        raise InputError(
            f"{drawn.front.task}: {len(points)} of {len(drawn.front.points)} methods have both {drawn.x.name} and "
            f"{drawn.y.name}; a plot needs two"
        )
    along, up = _axis(points, drawn, drawn.x, WIDTH), _axis(points, drawn, drawn.y, HEIGHT)
    values = [_values(point, drawn) for point in points]
    named = [one | place for one, place in zip(values, _name_places(values, along, up), strict=True)]
    chart = alt.Chart(alt.Data(values=named))
    x, y = _encoded(alt, "x", drawn.x, along), _encoded(alt, "y", drawn.y, up)
    shade = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.35, 1]), legend=None)
    stairs = "step-after" if drawn.x.direction is Direction.LOWER else "step-before"
    layers = [
        chart.transform_filter("datum.front").mark_line(
            interpolate=stairs, color=_ACCENT, strokeDash=[5, 4], strokeWidth=1.5
        ).encode(x=x, y=y),
        chart.transform_filter("isValid(datum.y_low)").mark_rule(color=_SOFT).encode(
            x=x, y=alt.Y("y_low:Q", title=""), y2="y_high:Q", opacity=shade
        ),
        chart.transform_filter("isValid(datum.x_low)").mark_rule(color=_SOFT).encode(
            x=alt.X("x_low:Q", title=""), x2="x_high:Q", y=y, opacity=shade
        ),
        chart.mark_point(filled=True, size=70, color=_ACCENT).encode(x=x, y=y, opacity=shade),
        *(
            chart.transform_filter(f"datum.align === '{align}'")
            .mark_text(align=align, fontSize=_FONT_SIZE, color=_INK)
            .encode(x=alt.X("name_x:Q", title=""), y=alt.Y("name_y:Q", title=""), text="label:N")
            for align in ("left", "center", "right")
        ),
    ]  # fmt: skip
    layered = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, background="white")
    spec: dict[str, Any] = layered.configure_view(stroke=None).to_dict()
    return spec


def write_plot(drawn: Plotted, path: Path) -> None:
    """Write the picture as its ending says. Raises `InputError` for another ending, and as `plot_spec` does."""
    import vl_convert

    spec = plot_spec(drawn)
    match path.suffix.lower():
        case ".svg":
            path.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
        case ".png":
            path.write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
        case ".pdf":
            path.write_bytes(vl_convert.vegalite_to_pdf(spec))
        case _:
            raise InputError(f"{path}: must end in {', '.join(ENDINGS)}")


def _whole(point: FrontPoint, drawn: Plotted) -> bool:
    found = [point.values.get(metric.name) for metric in (drawn.x, drawn.y)]
    return all(value is not None and math.isfinite(value) for value in found)


def _values(point: FrontPoint, drawn: Plotted) -> dict[str, Any]:
    value: dict[str, Any] = {
        "label": plain(point.name),
        "x": point.values[drawn.x.name],
        "y": point.values[drawn.y.name],
        "front": point.on_front,
        "share": point.probability,
    }
    for side, metric in (("x", drawn.x), ("y", drawn.y)):
        if (span := drawn.intervals.get(metric.name, {}).get(point.name)) is not None:
            value |= {f"{side}_low": span[0], f"{side}_high": span[1]}
    return value


def _axis(points: Sequence[FrontPoint], drawn: Plotted, metric: Metric, pixels: int) -> Axis:
    """Return an axis on which all values and intervals of a metric lie, with room around them."""
    found = [value for point in points if (value := point.values[metric.name]) is not None]
    spans = drawn.intervals.get(metric.name, {})
    ends = [*found, *(end for point in points for end in spans.get(point.name, ()))]
    low, high = min(ends), max(ends)
    logarithmic = low > 0 and is_logarithmic(metric, found)
    if logarithmic:
        room = (high / low) ** _MARGIN
        return Axis(low / room, high * room, logarithmic, pixels)
    room = _MARGIN * ((high - low) or abs(high) or 1.0)
    return Axis(low - room, high + room, logarithmic, pixels)


def _encoded(alt: Any, side: str, metric: Metric, axis: Axis) -> Any:
    scale = alt.Scale(
        type="log" if axis.logarithmic else "linear", domain=[axis.low, axis.high], nice=False, zero=False
    )
    channel = alt.X if side == "x" else alt.Y
    title = f"{metric.label} ({'less' if metric.direction is Direction.LOWER else 'more'} is better)"
    return channel(f"{side}:Q", scale=scale, axis=value_axis(metric, grid=False), title=title)


def _name_places(values: Sequence[Mapping[str, Any]], along: Axis, up: Axis) -> list[dict[str, Any]]:
    """Return where each name stands: the place around its point that covers least. Points on the front come first."""
    dots = [(along.place(one["x"]), up.place(one["y"])) for one in values]
    taken = [Box.around(x, y, 2 * _DOT, 2 * _DOT) for x, y in dots]
    frame = Box(0, 0, along.pixels, up.pixels)
    places: dict[int, dict[str, Any]] = {}
    for index in sorted(range(len(values)), key=lambda index: not values[index]["front"]):
        others = [box for place, box in enumerate(taken) if place != index]
        long = _LETTER_WIDTH * len(values[index]["label"])
        best = None
        for align, dx, dy in _CORNERS:
            x, y = dots[index][0] + dx, dots[index][1] + dy
            box = Box.around(x + _MIDDLE[align] * long, y, long, _LINE_HEIGHT)
            hidden = sum(map(box.shared_with, others)) + box.area - box.shared_with(frame)
            if best is None or hidden < best[0]:
                best = hidden, box, {"align": align, "name_x": along.value(x), "name_y": up.value(y)}
        assert best is not None
        _, box, places[index] = best
        taken.append(box)
    return [places[index] for index in range(len(values))]


_MIDDLE = {"left": 0.5, "center": 0.0, "right": -0.5}
"""Where the middle of a name lies from its place, in lengths of the name."""
_CORNERS = [
    (align, sign * (0 if align == "center" else 9), up * far)
    for far in (10, 20, 32)
    for align, sign in (("left", 1), ("right", -1), ("center", 0))
    for up in (1, -1)
]


class Box(NamedTuple):
    """A part of the picture, in pixels from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "Box":
        """Return the box with this middle."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def area(self) -> float:
        """Its width times its height."""
        return (self.right - self.left) * (self.top - self.bottom)

    def shared_with(self, other: "Box") -> float:
        """Return the area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, wide) * max(0.0, high)
