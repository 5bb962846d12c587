"""The report on a person's own data, on the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from paretune.report.data_report import SHOWN_NOTE, report_facts, shortened
from paretune.report.format import plain
from paretune.spec import DataReport, ShownExample


def print_data_reports(reports: Sequence[DataReport], console: Console) -> None:
    """Print what was read, what of it is used, and three training examples as the model sees them."""
    for report in reports:
        for line in report_lines(report):
            console.print(plain(line), highlight=False, markup=False, emoji=False, soft_wrap=True)
        for shown in report.shown:
            console.print(_as_seen(shown), highlight=False, soft_wrap=True)


def report_lines(report: DataReport) -> Iterator[str]:
    """Yield the report without its examples, a line for each matter."""
    for place, (name, text) in enumerate(report_facts(report)):
        yield f"{'  ' if place else ''}{name}: {text}"
    yield f"  {SHOWN_NOTE}:"


def _as_seen(example: ShownExample) -> Text:
    """Return an example with visible line breaks, what is trained on between brackets and in bold."""
    text = Text(f"  {example.place}: ")
    for piece, trained in shortened(example.parts):
        shown = plain(piece.replace("\n", "\\n"))
        text.append(f"⟦{shown}⟧" if trained else shown, "bold" if trained else "")
    return text
