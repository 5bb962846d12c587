"""A table that fits into its console: where room is short the least needed columns are left out, and named below."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Item = TypeVar("Item")
_WIDEST = 1000
"""Letters of a console in which every table fits."""
_FEWEST_LETTERS = 16
_SHARE_OF_NAMES = 0.4
"""Names in the first column that take more of the console's width than this, and more letters, are folded."""


class Layout(NamedTuple):
    """How the lines of headings and cells are joined."""

    heading: Callable[[str], str]
    between: str
    """What stands in a cell in place of its line break."""


def _unhyphenated(heading: str) -> str:
    return heading.replace("-\n", "")


LAYOUTS = tuple(Layout(heading, between) for between in (" ", "\n") for heading in (_unhyphenated, str))
"""From wide to narrow: cells on one line, on two; headings with whole words before hyphenated ones."""


class FittedColumn(NamedTuple, Generic[Item]):
    """A column of a table with a row for each item."""

    heading: str
    """May hold line breaks, one of them after a hyphen inside a word."""
    cell: Callable[[Item], str]
    """May hold one line break, which becomes a space where there is room."""
    justify: Any = "right"

    @property
    def name(self) -> str:
        """The heading on one line: "Training memory"."""
        return _unhyphenated(self.heading).replace("/\n", "/").replace("\n", " ")


class FittedTable(Generic[Item]):
    """Rows and columns under a title. The first column holds the rows' names and is always shown."""

    def __init__(
        self,
        title: str,
        items: Sequence[Item],
        columns: Sequence[FittedColumn[Item]],
        *,
        needed: Sequence[str] = (),
        style: Callable[[Item], str] = lambda _: "",
    ) -> None:
        """`needed` names columns, the most needed first: columns that are not among them are left out first."""
        self._title = title
        self._items = items
        self._columns = columns
        self._needed = needed
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table, left_out = self._fitting(console, options)
        yield Text(self._title, "bold")
        yield Padding(table, (0, 0, 0 if left_out else 1, 0))
        if left_out:
            named = ", ".join(column.name for column in self._columns if column in left_out)
            yield Text(
                f"Columns hidden because the terminal is too narrow: {named}. A wider one or --json shows them.\n",
                "dim",
            )

    def shows(self, name: str, console: Console, options: ConsoleOptions) -> bool:
        """Tell whether the column of this name is among those that fit; false for one that the table never had."""
        _, left_out = self._fitting(console, options)
        return any(column.name == name for column in self._columns if column not in left_out)

    def _fitting(self, console: Console, options: ConsoleOptions) -> tuple[Table, list[FittedColumn[Item]]]:
        """Return the first table that fits, and the columns that it leaves out; the narrowest where none does."""
        shown, left_out = list(self._columns), sorted(self._columns[1:], key=self._need, reverse=True)
        for number in range(len(left_out) + 1):
            shown = [column for column in self._columns if column not in left_out[:number]]
            for layout in LAYOUTS:
                table = self._table(shown, layout, options.max_width)
                room = options.update(width=max(_WIDEST, options.max_width))
                if Measurement.get(console, room, table).maximum <= options.max_width:
                    return table, left_out[:number]
        return self._table(shown, LAYOUTS[-1], options.max_width), left_out

    def _need(self, column: FittedColumn[Item]) -> int:
        """Return the place of a column among those that are needed, its own number behind them where it is not."""
        place = self._columns.index(column)
        return self._needed.index(column.name) if column.name in self._needed else len(self._needed) + place

    def _table(self, columns: Sequence[FittedColumn[Item]], layout: Layout, width: int) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
        for column in columns:
            numbers = column.justify == "right"
            heading = Text(layout.heading(column.heading), justify=column.justify)
            most = None if numbers else max(_FEWEST_LETTERS, round(width * _SHARE_OF_NAMES))
            table.add_column(heading, justify=column.justify, no_wrap=numbers, overflow="fold", max_width=most)
        for item in self._items:
            cells = [column.cell(item).replace("\n", layout.between) for column in columns]
            table.add_row(*map(Text, cells), style=self._style(item))
        return table


class ColumnNote:
    """A note about a column, which is only printed where one of the tables shows the column."""

    def __init__(self, note: str, name: str, tables: Sequence[FittedTable[Any]]) -> None:
        self._note = note
        self._name = name
        self._tables = tables

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if any(table.shows(self._name, console, options) for table in self._tables):
            yield Text(self._note)
