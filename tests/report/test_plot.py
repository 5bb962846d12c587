"""Pictures of two metrics: what is drawn is what the analysis says, and every name can be read."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from paretune.analysis.decisions.front import Front, FrontPoint, front_of
from paretune.analysis.table.evidence import load_evidence
from paretune.cli.plotting import write_front_plot
from paretune.report.plot import Plotted, plot_spec
from paretune.spec import METRICS, InputError

KEPT = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"
SIGNS = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}


def drawn(values: dict[str, tuple[float | None, float | None]], intervals: Any = None) -> Plotted:
    x, y = METRICS["train_peak_bytes"], METRICS["accuracy"]
    points = tuple(
        FrontPoint(
            name=name, values={x.name: cost, y.name: accuracy}, on_front=name == "a", probability=0.5, left_out=False,
            contribution=None,
        )
        for name, (cost, accuracy) in values.items()
    )  # fmt: skip
    front = Front(task="t", split="test", metrics=(y.name, x.name), points=points, hypervolume=None)
    return Plotted(front, x, y, intervals or {})


def data_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    (values,) = spec["datasets"].values() if "datasets" in spec else [spec["data"]["values"]]
    return list(values)


@pytest.mark.parametrize("ending", SIGNS)
def test_it_is_written_as_its_ending_says(ending: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / f"front{ending}"
    kept = write_front_plot(KEPT, file, "train_peak_bytes", None, task=None, min_accuracy=None, across=False)
    assert kept == file
    assert SIGNS[ending] in file.read_bytes()[:200]


def test_an_svg_names_every_method_that_has_both_values_and_its_axes(tmp_path: Path) -> None:
    file = tmp_path / "front.svg"
    write_front_plot(KEPT, file, "train_peak_bytes", "accuracy", task=None, min_accuracy=None, across=False)
    texts = re.findall(r">([^<>]+)</text>", file.read_text())
    front = front_of(load_evidence(KEPT), ("accuracy", "train_peak_bytes"))
    both = [point.name for point in front.points if None not in point.values.values()]
    assert len(both) == 8
    assert set(both) <= set(texts)
    assert {"Training memory (less is better)", "Accuracy (more is better)"} <= set(texts)


def test_values_front_and_intervals_are_those_of_the_analysis() -> None:
    front = front_of(load_evidence(KEPT), ("accuracy", "forgetting"))
    spans = {"accuracy": {"lora": (0.1, 0.4)}, "forgetting": {"lora": (-0.1, 0.2)}}
    rows = data_of(plot_spec(Plotted(front, METRICS["forgetting"], METRICS["accuracy"], spans)))
    found = {row["label"]: row for row in rows}
    for point in front.points:
        row = found[point.name]
        assert (row["y"], row["x"]) == (point.values["accuracy"], point.values["forgetting"])
        assert (row["front"], row["share"]) == (point.on_front, point.probability)
    assert [found["lora"][key] for key in ("x_low", "x_high", "y_low", "y_high")] == [-0.1, 0.2, 0.1, 0.4]
    assert "x_low" not in found["full"]


def test_names_do_not_cover_each_other_and_stay_inside() -> None:
    crowd = {f"{letter}{number}": (1e9 + 2e7 * number, 0.3 + 0.02 * number) for number, letter in enumerate("abcdefgh")}
    spec = plot_spec(drawn({**crowd, "a": (1e9, 0.5), "far": (4e9, 0.9)}))
    (x,) = {
        tuple(layer["encoding"]["x"]["scale"]["domain"]) for layer in spec["layer"] if "scale" in layer["encoding"]["x"]
    }
    (y,) = {
        tuple(layer["encoding"]["y"]["scale"]["domain"]) for layer in spec["layer"] if "scale" in layer["encoding"]["y"]
    }
    boxes = []
    for row in data_of(spec):
        long = 6.2 * len(row["label"])
        left = (row["name_x"] - x[0]) / (x[1] - x[0]) * 560 - {"left": 0, "center": long / 2, "right": long}[
            row["align"]
        ]
        up = (row["name_y"] - y[0]) / (y[1] - y[0]) * 380
        boxes.append((left, up - 6.5, left + long, up + 6.5))
        assert left >= 0
        assert left + long <= 560
        assert 0 <= up <= 380
    for one, other in itertools.combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_costs_that_spread_far_get_a_logarithmic_axis() -> None:
    def kind(high: float) -> str:
        spec = plot_spec(drawn({"a": (1e6, 0.5), "b": (high, 0.6)}))
        return str(spec["layer"][0]["encoding"]["x"]["scale"]["type"])

    assert (kind(2e6), kind(1e9)) == ("linear", "log")


@pytest.mark.parametrize("values", [{"a": (1.0, None), "b": (2.0, 0.5)}, {"a": (1.0, 0.5), "b": (float("inf"), 0.6)}])
def test_a_plot_needs_two_methods_with_both_values(values: dict[str, tuple[float | None, float | None]]) -> None:
    with pytest.raises(InputError, match="1 of 2 methods have both train_peak_bytes and accuracy"):
        plot_spec(drawn(values))


def test_an_interval_that_reaches_zero_is_on_a_linear_axis() -> None:
    x, y = METRICS["train_peak_bytes"], METRICS["checkpoint_bytes"]
    one = drawn({"a": (1.0, None), "b": (2.0, None)})
    points = tuple(
        point.model_copy(update={"values": {x.name: float(place + 1), y.name: value}})
        for place, (point, value) in enumerate(zip(one.front.points, (20.0, 0.5), strict=True))
    )
    spec = plot_spec(Plotted(one.front.model_copy(update={"points": points}), x, y, {y.name: {"b": (0.0, 1.0)}}))
    scale = spec["layer"][0]["encoding"]["y"]["scale"]
    assert scale["type"] == "linear"
    assert scale["domain"][0] < 0


def test_equal_values_are_drawn_too() -> None:
    assert len(data_of(plot_spec(drawn({"a": (5.0, 0.5), "b": (5.0, 0.5)})))) == 2


def test_a_name_cannot_become_markup(tmp_path: Path) -> None:
    import vl_convert

    spec = plot_spec(drawn({"<script>alert(1)</script>": (1.0, 0.5), "b": (2.0, 0.6)}))
    assert "<script" not in vl_convert.vegalite_to_svg(spec)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"out": Path("front.jpg")}, "must end in .svg, .png, .pdf"),
        ({"x": "memory_peak"}, '--x: no metric "memory_peak"'),
        ({"y": "acuracy"}, 'did you mean "accuracy"'),
        ({"task": "gsm9k"}, "gsm9k"),
        ({"out": Path("/proc/nowhere/front.svg")}, "choose another file with -o"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(options: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {"out": None, "x": "train_peak_bytes", "y": None, "task": None, "min_accuracy": None}
    with pytest.raises(InputError) as caught:
        write_front_plot(KEPT, **(usual | options), across=False)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
