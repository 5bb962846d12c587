"""What commands have in common: they refuse an option which is given twice and can hold one value."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from paretune.spec.errors import InputError


class StrictCommand(TyperCommand):
    """A command that takes no option twice unless it adds up, where the usual parser silently keeps the last."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line. Raises `InputError` for a repeated option that holds one value."""
        given = list(args)  # the parser empties its list
        rest = super().parse_args(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(given)
        for option in dict.fromkeys(order):
            if order.count(option) > 1 and not getattr(option, "multiple", False):
                name = max(option.opts, key=len)
                raise InputError(f"{name} is given {order.count(option)} times, and only one would count: give it once")
        return rest


class Commands(typer.Typer):
    """A group of strict commands."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return the decorator that adds a command, as typer's own does."""
        return super().command(name, cls=StrictCommand, **settings)
