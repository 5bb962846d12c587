"""What became of a person's own data, on the page of a study."""

from collections.abc import Sequence

from paretune.report.data_report import report_facts, shortened
from paretune.report.format import plain
from paretune.report.html.template import template
from paretune.spec import DataReport

_LINE_BREAK = "↵\n"


def data_section(reports: Sequence[DataReport]) -> str:
    """Return the sections as HTML, one for each report, or nothing. Text from the data is escaped."""
    if not reports:
        return ""
    return template("data.html").render(
        reports=[
            {
                "task": plain(report.task),
                "facts": [(plain(name), plain(text)) for name, text in report_facts(report)],
                "shown": [
                    {
                        "place": plain(example.place),
                        "parts": [(_visible(text), on) for text, on in shortened(example.parts)],
                    }
                    for example in report.shown
                ],
            }
            for report in reports
        ]
    )


def _visible(text: str) -> str:
    """Return a piece of an example with its line breaks marked, and without other control characters."""
    return _LINE_BREAK.join(map(plain, text.split("\n")))
