"""What commands have in common: no option twice that holds one value, and help that shows options by group.

Options that were renamed still work by their earlier names.
"""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from paretune.spec.errors import InputError

_OTHERS = "Options"
_SHOWN_TYPES = {
    "<int range>": "N",
    "<int>": "N",
    "<float range>": "NUMBER",
    "<float>": "NUMBER",
    "<path>": "PATH",
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<list[Path]>": "PATH",
}
"""What stands for a value in help, by what typer writes."""
_EARLIER_NAMES = {"--output": "--out", "--quantised": "--quantisation"}
"""Options by their earlier names, which help no longer shows, and today's."""


class StrictCommand(TyperCommand):
    """A command that takes no option twice unless it adds up, where the usual parser silently keeps the last.

    Its help shows options by the groups that they name, those without one last.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the help of arguments and options, each group under its name."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                usual = "Arguments" if parameter.param_type_name == "argument" else _OTHERS
                name = getattr(parameter, "rich_help_panel", None) or usual
                groups.setdefault(name, []).append((_in_words(record[0]), record[1]))
        for name, records in sorted(groups.items(), key=lambda group: group[0] == _OTHERS):
            with formatter.section(name):
                formatter.write_dl(records)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line. Raises `InputError` for a repeated option that holds one value."""
        given = [_name_today(word) for word in args]
        rest = super().parse_args(ctx, list(given))  # the parser empties its list
        _, _, order = self.make_parser(ctx).parse_args(given)
        for option in dict.fromkeys(order):
            if order.count(option) > 1 and not getattr(option, "multiple", False):
                name = max(option.opts, key=len)
                raise InputError(f"{name} is given {order.count(option)} times, and only one would count: give it once")
        return rest


def _in_words(option: str) -> str:
    for written, shown in _SHOWN_TYPES.items():
        option = option.replace(written, shown)
    return option


class Commands(typer.Typer):
    """A group of strict commands."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return the decorator that adds a command, as typer's own does."""
        return super().command(name, cls=StrictCommand, **settings)


def _name_today(word: str) -> str:
    """Return a word of a command line, with an option's name as it is today."""
    name, equals, value = word.partition("=")
    return _EARLIER_NAMES.get(name, name) + equals + value
