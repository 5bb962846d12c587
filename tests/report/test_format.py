import pytest

from paretune.report.format import count, duration, plain, show, size, span
from paretune.spec import METRICS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_499, "999 kB"), (999_600, "1.00 MB"),
        (9_790_000, "9.79 MB"), (1.24e9, "1.24 GB"), (2.2e11, "220 GB"),
    ],
)  # fmt: skip
def test_bytes(value: float, text: str) -> None:
    assert size(value) == text


def test_counts_and_durations() -> None:
    assert [count(value) for value in (0, 512, 38_400, 4_880_000, 134_515_008)] == [
        "0",
        "512",
        "38.4k",
        "4.88M",
        "135M",
    ]
    assert [duration(value) for value in (0.031, 0.9996, 2.481, 171.4)] == ["31.0 ms", "1.00 s", "2.48 s", "171 s"]


def test_missing_is_not_zero_nor_infinity() -> None:
    assert show(METRICS["accuracy"], None) == "–"
    assert show(METRICS["accuracy"], 0.0) == "0.0%"
    assert show(METRICS["train_loss"], float("inf")) == "inf"
    assert show(METRICS["forgetting"], 0.0416) == "+0.042"
    assert show(METRICS["forgetting"], -0.0001) == "+0.000"
    assert show(METRICS["skills_lost"], 2.04) == "2.0 points"
    assert show(METRICS["skills_lost"], -0.01) == "0.0 points"
    assert span(METRICS["skills_lost"], -1.0, 3.0) == "-1.0–3.0 points"


def test_text_from_records_cannot_steer_a_terminal() -> None:
    assert plain("a\x1b[2Jb\nc") == "a [2Jb c"


def test_an_interval_is_never_shown_as_a_point() -> None:
    assert span(METRICS["accuracy"], 0.447, 0.513) == "45–51%"
    assert span(METRICS["accuracy"], 0.0, 0.0029) == "0.0–0.3%"
