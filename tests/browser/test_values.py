"""The script writes values as Python does, to the last digit."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from paretune.analysis.decisions.phrases import signed
from paretune.report.format import probability, show, span
from paretune.report.html.page_data import metric_data
from paretune.report.html.template import script
from paretune.spec import METRICS, Metric
from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser

NAMES = ("accuracy", "similarity", "train_peak_bytes", "step_seconds", "trainable_parameters", "forgetting")
ONE_OF_EACH = [
    *(METRICS[name] for name in (*NAMES, "skills_lost")),
    Metric(name="perplexity", label="Perplexity", definition="Of texts."),
]
_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
SCRIPT
const cases = CASES;
document.title = JSON.stringify(cases.map(([metric, value, other]) => [
  show(metric, value), span(metric, value, other, " to "), probability(Math.min(1, Math.abs(value))),
  signed(metric, value),
]));
</script>"""


def cases() -> list[tuple[Metric, float, float]]:
    """Return values of each unit: round ones, exact halves at a digit, and any."""
    rng = random.Random(3)
    values = [0.0, 0.125, 0.375, 0.0005, 0.0625, 0.5, 0.9995, 1.0, 2.5, 99.95, 112.5, 999.6, 999_600.0, 1e7, 12.5e9]
    values += [rng.randrange(1, 4_000) / 2 ** rng.randrange(1, 8) for _ in range(300)]
    values += [10 ** rng.uniform(-7, 11) for _ in range(300)]
    found = []
    for metric in ONE_OF_EACH:
        for value in values:
            one = value % 1 if metric.high == 1 else value
            found.append((metric, one, one * 1.07))
            if one and (metric.low is None or metric.low < 0):
                found.append((metric, -one, one))
    return found


def test_values_intervals_and_probabilities_are_the_same_text(open_page: OpenPage, tmp_path: Path) -> None:
    given = cases()
    text: list[Any] = [[metric_data(metric), value, other] for metric, value, other in given]
    page = _PAGE.replace("SCRIPT", script("format.js")).replace("CASES", json.dumps(text))
    path = tmp_path / "values.html"
    path.write_text(page, encoding="utf-8")
    with open_page(path) as opened:
        opened.wait_for_function("document.title.startsWith('[')")
        found = json.loads(opened.title())
    for (metric, value, other), said in zip(given, found, strict=True):
        expected = [show(metric, value), span(metric, value, other, " to "), probability(min(1.0, abs(value)))]
        expected.append(signed(metric, value))
        assert said == expected, (metric.name, value)
