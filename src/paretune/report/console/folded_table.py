"""A table of many narrow columns, continued below where the console is too narrow for all of them."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text


class MarkColumn(NamedTuple):
    """A column of short cells, one for each row."""

    heading: str
    """May hold line breaks."""
    cells: Sequence[Text]

    @property
    def width(self) -> int:
        """Letters of its widest line."""
        return max(map(len, [*self.heading.splitlines(), *(cell.plain for cell in self.cells)]))


class FoldedTable:
    """Rows with a name each, and as many columns after it as the console has room for; the others follow below."""

    def __init__(self, heading: str, names: Sequence[str], columns: Sequence[MarkColumn]) -> None:
        self._heading = heading
        self._names = names
        self._columns = columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        name_width = max(map(len, [self._heading, *self._names]))
        for columns in _fitting(self._columns, options.max_width - name_width):
            table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False, header_style="bold")
            table.add_column(self._heading, no_wrap=True, min_width=name_width)
            for column in columns:
                heading = Text(column.heading, justify="center")
                table.add_column(heading, justify="center", no_wrap=True, min_width=column.width)
            for place, name in enumerate(self._names):
                table.add_row(Text(name), *(column.cells[place] for column in columns))
            yield table
            yield Text()


def _fitting(columns: Sequence[MarkColumn], room: int) -> list[list[MarkColumn]]:
    """Return the columns in groups, in their order, each of which fits into `room` letters where one alone does."""
    groups: list[list[MarkColumn]] = []
    left = 0
    for column in columns:
        if not groups or column.width + 1 > left:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= column.width + 1
    return groups
