"""The reference of commands: what `--help` of each one says, as a Markdown page."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer.main

from paretune.cli.app import app

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_EXAMPLE = "Example: "


class _Sections:
    """Takes the place of a help formatter and keeps what a command writes, section by section."""

    width = 1000
    """Characters of a line, so that nothing is shortened."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, str]]] = {}
        self._name = ""

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Begin a section."""
        self._name = name
        yield

    def write_dl(self, rows: Sequence[tuple[str, str]], **_: Any) -> None:
        """Keep the rows of a section."""
        self.rows.setdefault(self._name, []).extend(rows)


def command_reference() -> str:
    """Return the page: every command with its usage, help, arguments, options and example."""
    group = typer.main.get_command(app)
    commands = list(_commands(group, "paretune"))
    lines = ["# Commands", "", *(line for paragraph in _paragraphs(group) for line in (_escaped(paragraph), ""))]
    for name, command in commands:
        lines += [f"- [`{name}`](#{name.replace(' ', '-')}): {_escaped(command.get_short_help_str(limit=300))}"]
    lines += ["", *_options_of("paretune", group, "Options")]
    for name, command in commands:
        lines += ["", *_section(name, command)]
    return "\n".join([*lines, ""])


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name, in the order of the help."""
    context = typer.Context(group, info_name=name)
    for word in group.list_commands(context):
        command = group.commands[word]
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _section(name: str, command: Any) -> list[str]:
    usage = command.get_usage(typer.Context(command, info_name=name)).removeprefix("Usage: ")
    lines = [f"## {name}", "", "```text", " ".join(usage.split()), "```", ""]
    for paragraph in _paragraphs(command):
        lines += [_escaped(paragraph), ""]
    lines += _options_of(name, command)
    if command.epilog:
        lines += ["Example:", "", "```sh", command.epilog.removeprefix(_EXAMPLE), "```"]
    return lines


def _options_of(name: str, command: Any, *only: str) -> list[str]:
    """Return the arguments and options of a command as definition lists, one for each group."""
    sections = _Sections()
    command.format_options(typer.Context(command, info_name=name), sections)
    lines: list[str] = []
    for title, rows in sections.rows.items():
        if only and title not in only:
            continue
        lines += [f"**{title}**", ""]
        for option, text in rows:
            lines += [f"`{option}`", f":   {_escaped(' '.join(text.split()))}", ""]
    return lines


def _paragraphs(command: Any) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", command.help or "")]


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
