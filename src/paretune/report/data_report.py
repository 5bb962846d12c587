"""What became of a person's own data, in words. The terminal and the page say the same."""

from collections.abc import Iterator, Sequence

from paretune.report.format import size
from paretune.spec import DataReport, ImagesReport, LabelReport, Lengths, RowsReport

SHOWN_NOTE = "As the model sees them; the loss is taken on what stands between ⟦ and ⟧"
_SHOWN_LABELS = 8
_SHOWN_CHARACTERS = 600
_PROBLEM_WORDS = {
    "single_label": "one of {} labels",
    "several_labels": "any of {} labels",
    "regression": "a number",
}
_SPLIT_WORDS = {"train": "training", "validation": "validation", "test": "test"}


def report_facts(report: DataReport) -> Iterator[tuple[str, str]]:
    """Yield the report without its examples: what each matter is called, and what there is to say."""
    rows = report.rows
    kept = ", ".join(f"{number} {_SPLIT_WORDS[split]}" for split, number in rows.num_kept.items())
    yield "Data", f"{rows.num_read} rows of {rows.source}, read as {rows.form}"
    if rows.notes:
        yield "Found", "; ".join(rows.notes)
    yield "Examples", f"{kept}; split by {rows.split_by}"
    yield from (("Not used", text) for text in _dropped(rows))
    if rows.images is not None:
        yield "Images", _images(rows.images)
    if report.image_inputs:
        inputs = (f"{name} {' x '.join(map(str, shape))}" for name, shape in report.image_inputs.items())
        yield "First image as the model gets it", ", ".join(inputs)
    if rows.labels:
        shown = [f"{label} {number}" for label, number in list(rows.labels.items())[:_SHOWN_LABELS]]
        more = len(rows.labels) - len(shown)
        yield "Labels", f"{', '.join(shown)}{f' and {more} more' if more else ''}"
    for split, lengths in report.lengths.items():
        yield f"Tokens, {_SPLIT_WORDS[split]}", _lengths(split, lengths, rows.num_kept[split], report)
    if rows.labelled is not None:
        yield from _label_facts(rows.labelled)
        yield "Scored by", ", ".join(report.scored_by)
        return
    template = "used" if report.chat_template else "not used"
    yield f"Chat template of {report.base_model}", f"{template}. {_answers(report)}"
    if report.scored_by:
        yield "Scored by", ", ".join(report.scored_by)
    if report.num_references:
        yield "References", f"all {report.num_references} of validation and test can be scored right"
    elif report.max_new_tokens is not None:
        yield "References", "none, since plain text has no right continuation; --metric perplexity scores all of it"


def shortened(parts: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return the parts of an example, each without its middle where it is long: both ends tell how it is shown."""
    budget = max(40, _SHOWN_CHARACTERS // len(parts))
    return [(_short(text, budget), trained) for text, trained in parts]


def _images(found: ImagesReport) -> str:
    smallest, median, largest = (
        f"{width} x {height}" for width, height in (found.smallest, found.median, found.largest)
    )
    sizes = f"all {smallest} pixels" if smallest == largest else f"{smallest} to {largest} pixels, median {median}"
    return f"{found.num_different} different, {size(found.num_bytes)} together, {sizes}"


def _answers(report: DataReport) -> str:
    if report.max_new_tokens is None:
        return "No answers are generated"
    ends = f", or before {' or '.join(map(repr, report.stop))}" if report.stop else ""
    return f"Answers end after {report.max_new_tokens} tokens{ends}"


def _dropped(rows: RowsReport) -> Iterator[str]:
    for one in rows.dropped:
        more = ", ..." if one.num_rows > len(one.first) else ""
        yield f"{one.num_rows} ({', '.join(one.first)}{more}): {one.reason}"


def _label_facts(found: LabelReport) -> Iterator[tuple[str, str]]:
    other = "regression" if found.problem != "regression" else "single_label"
    guess = f"; a guess, --task-option problem={other} says otherwise" if found.guessed else ""
    yield "A head gives", _PROBLEM_WORDS[found.problem].format(found.num_labels) + guess
    for split, number in found.num_unseen.items():
        names = ", ".join(found.unseen[:_SHOWN_LABELS]) + (", ..." if len(found.unseen) > _SHOWN_LABELS else "")
        yield "Never learnt", f"{number} {_SPLIT_WORDS[split]} texts have a label that no training text has ({names})"
    if found.num_contradictions:
        places = ", ".join(found.contradictions)
        yield "Contradictions", f"texts with different labels: {found.num_contradictions} ({places}, ...)"


def _lengths(split: str, lengths: Lengths, num_examples: int, report: DataReport) -> str:
    of = f", of the first {lengths.num_counted}" if lengths.num_counted < num_examples else ""
    line = f"median {lengths.median}, longest {lengths.longest}{of}"
    if lengths.num_too_long and report.cuts_long_examples:
        line += f"; {lengths.num_too_long} longer than {report.max_length} are cut"
    elif lengths.num_too_long and split != "test":
        line += f"; {lengths.num_too_long} longer than max_length = {report.max_length} are left out"
    return line


def _short(text: str, budget: int) -> str:
    return text if len(text) <= budget else f"{text[: budget // 2]} ... {text[-budget // 2 :]}"
