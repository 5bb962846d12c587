"""The section of the page on what changes when training time means the steps alone."""

from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row, clock_changes
from paretune.analysis.table.clocks import FAR
from paretune.report.format import duration, plain
from paretune.report.html.page_table import view_key


def clock_sections(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return, for each task whose rows were timed by two clocks, the sums and the rows that moved."""
    sections = []
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        changes = clock_changes([row for row in rows if (row.task, row.split) == key])
        if not changes:
            continue
        ratios = [change.ratio for change in changes]
        steps, published = (
            sum(change.steps_seconds for change in changes),
            sum(change.published_seconds for change in changes),
        )
        sections.append(
            {
                "view": view_key(*key),
                "num_rows": len(changes),
                "share": f"{steps / published:.0%}",
                "low": f"{min(ratios):.2f}",
                "high": f"{max(ratios):.2f}",
                "num_moved": sum(abs(change.published_place - change.steps_place) >= FAR for change in changes),
                "joined": [plain(one.method) for one in changes if one.steps_front and not one.published_front],
                "left": [plain(one.method) for one in changes if one.published_front and not one.steps_front],
                "rows": [
                    {
                        "method": plain(one.method),
                        "published": duration(one.published_seconds),
                        "steps": duration(one.steps_seconds),
                        "ratio": f"{one.ratio:.2f}",
                        "published_place": one.published_place,
                        "steps_place": one.steps_place,
                        "front": _front(one.published_front, one.steps_front),
                    }
                    for one in changes
                    if one.moved
                ],
            }
        )
    return sections


def _front(before: bool, after: bool) -> str:
    match before, after:
        case True, True:
            return "stays"
        case True, False:
            return "leaves"
        case False, True:
            return "joins"
    return ""
