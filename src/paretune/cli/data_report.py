"""The report on a person's own data, on the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from paretune.report.format import plain
from paretune.spec import DataReport, Lengths, RowsReport, ShownExample

_SHOWN_LABELS = 8
_SHOWN_CHARACTERS = 600
_SPLIT_WORDS = {"train": "training", "validation": "validation", "test": "test"}


def print_data_reports(reports: Sequence[DataReport], console: Console) -> None:
    """Print what was read, what of it is used, and three training examples as the model sees them."""
    for report in reports:
        for line in report_lines(report):
            console.print(plain(line), highlight=False, markup=False, emoji=False, soft_wrap=True)
        for shown in report.shown:
            console.print(_as_seen(shown), highlight=False, soft_wrap=True)


def report_lines(report: DataReport) -> Iterator[str]:
    """Yield the report without its examples, a line for each matter."""
    rows = report.rows
    kept = ", ".join(f"{number} {_SPLIT_WORDS[split]}" for split, number in rows.num_kept.items())
    yield f"Data: {rows.num_read} rows of {rows.source}, read as {rows.form}"
    if rows.notes:
        yield f"  Found: {'; '.join(rows.notes)}"
    yield f"  Examples: {kept}; split by {rows.split_by}"
    yield from _dropped_lines(rows)
    if rows.labels:
        shown = [f"{label} {number}" for label, number in list(rows.labels.items())[:_SHOWN_LABELS]]
        more = len(rows.labels) - len(shown)
        yield f"  Labels: {', '.join(shown)}{f' and {more} more' if more else ''}"
    for split, lengths in report.lengths.items():
        yield f"  {_lengths_line(split, lengths, rows.num_kept[split], report.max_length)}"
    ends = f", or before {' or '.join(map(repr, report.stop))}" if report.stop else ""
    template = "used" if report.chat_template else "not used"
    yield f"  Chat template of {report.base_model}: {template}. Answers end after {report.max_new_tokens} tokens{ends}"
    if report.num_references:
        yield f"  References: all {report.num_references} of validation and test can be scored right"
    yield "  As the model sees them; the loss is taken on what stands between ⟦ and ⟧:"


def _dropped_lines(rows: RowsReport) -> Iterator[str]:
    for one in rows.dropped:
        more = ", ..." if one.num_rows > len(one.first) else ""
        yield f"  Not used: {one.num_rows} ({', '.join(one.first)}{more}): {one.reason}"


def _lengths_line(split: str, lengths: Lengths, num_examples: int, max_length: int) -> str:
    of = f", of the first {lengths.num_counted}" if lengths.num_counted < num_examples else ""
    line = f"Tokens, {_SPLIT_WORDS[split]}: median {lengths.median}, longest {lengths.longest}{of}"
    if lengths.num_too_long and split != "test":
        line += f"; {lengths.num_too_long} longer than max_length = {max_length} are left out"
    return line


def _as_seen(example: ShownExample) -> Text:
    """Return an example with visible line breaks, what is trained on between brackets and in bold."""
    text = Text(f"  {example.place}: ")
    budget = max(40, _SHOWN_CHARACTERS // len(example.parts))
    for piece, trained in example.parts:
        shown = plain(_shortened(piece, budget).replace("\n", "\\n"))
        text.append(f"⟦{shown}⟧" if trained else shown, "bold" if trained else "")
    return text


def _shortened(text: str, budget: int) -> str:
    """Return a text without its middle where it is long: both ends tell how it is put to the model."""
    return text if len(text) <= budget else f"{text[: budget // 2]} ... {text[-budget // 2 :]}"
