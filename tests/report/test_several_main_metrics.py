"""A study whose tasks have different main metrics: each row is shown by its own."""

from io import StringIO

from rich.console import Console

from paretune.report import results_summary
from paretune.report.html.page import render_page
from paretune.spec import Direction, Metric, Record, TaskSpec, Unit
from tests.records import make_record, make_study
from tests.report.page_content import page_data

PERPLEXITY = Metric(name="perplexity", label="Perplexity", direction=Direction.LOWER, low=1, definition="Of texts.")
CONFUSION = Metric(name="confusion", label="Confusion", unit=Unit.FRACTION, definition="Of tests.")


def texts(label: str, perplexity: float) -> Record:
    task = TaskSpec(name="texts", version="1", content_hash="fedcba9876543210", metrics=(PERPLEXITY, CONFUSION))
    made = make_record(label, task=task)
    rest = {name: value for name, value in made.metrics.items() if not name.startswith("accuracy")}
    metrics = {"perplexity": perplexity, "confusion": 0.25, **rest}
    return made.model_copy(update={"metrics": metrics, "standard_errors": {}, "groups": {}})


RECORDS = [
    *(make_record(label) for label in ("base", "lora", "oft")),
    *(texts(label, value) for label, value in {"base": 2130.5, "lora": 12.25, "oft": 1.5}.items()),
]


def test_the_page_has_a_column_and_a_chart_for_each() -> None:
    page = render_page(RECORDS, make_study(methods=["base", "lora", "oft"]))
    for label in ("Accuracy", "Perplexity", "Confusion", "Accuracy (lenient)"):
        assert f">{label}<span" in page
    assert "Accuracy or Perplexity against cost" in page
    assert "Of texts." in page
    data = page_data(page)
    chart = data["chart"]
    assert chart["y"][:2] == ["accuracy", "perplexity"]
    assert chart["axes"]["accuracy"]["format"] == "%"
    assert "format" not in chart["axes"]["perplexity"]
    rows = data["rows"]
    places = {key: place for place, key in enumerate(zip(rows["view"], rows["label"], strict=True))}
    oft, base = places["test:texts", "oft"], places["test:texts", "base"]
    assert rows["metrics"]["perplexity"][oft] == 1.5
    (cells,) = (
        cells for column, cells in zip(rows["columns"], rows["cells"], strict=True) if column["key"] == "perplexity"
    )
    assert (cells["text"][oft], cells["text"][base]) == ("1.500", "2,130")
    assert rows["quality"][places["test:word_problems", "oft"]] == "accuracy"
    assert rows["marks"][oft]["train_peak_bytes"].startswith("◆")


def test_the_terminal_has_a_table_for_each_best_first() -> None:
    console = Console(file=StringIO(), width=200, record=True)
    console.print(results_summary(RECORDS))
    said = console.export_text()
    first, second = said.split("texts, test split")
    assert "Accuracy" in first
    assert "Perplexity" not in first
    lines = [line.split()[0] for line in second.splitlines() if line.strip()]
    assert [name for name in lines if name in {"base", "lora", "oft"}] == ["oft", "lora", "base"]
    assert "1.500" in second
    assert "25.0%" in second
    assert "on the Pareto front of accuracy or perplexity and training memory" in said
