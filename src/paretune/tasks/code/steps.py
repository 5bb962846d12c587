"""The steps that code problems are made of: what each does, in words, as a line of Python, and as a function.

One step of the family "lists": "keep the even numbers", `numbers = [number for number in numbers if number % 2 == 0]`.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Step(NamedTuple):
    """One thing that a function does with its argument. `{n}`, `{letter}` and `{other}` are drawn for each problem."""

    words: str
    expression: str
    """In Python; `@` stands for the variable."""
    gives: str
    """The type that it makes: "text", "numbers", "number", or another one."""


class Family(NamedTuple):
    """Problems about one type of argument."""

    name: str
    argument: str
    """What a function of it takes: "text", "numbers" or "number"."""
    draw: Callable[[random.Random], Any]
    """Draws an argument."""
    first: tuple[Step, ...]
    second: tuple[Step, ...]


def _text(draw: random.Random) -> str:
    """Return a few short words; now and then with space around them, or nothing."""
    words = draw.choices(_WORDS, k=draw.choice((0, 1, 1, 2, 2, 3)))
    return " ".join(word.title() if draw.random() < _RARELY else word for word in words)


def _padded(draw: random.Random) -> str:
    return " " * draw.randint(0, 2) + _text(draw) + " " * draw.randint(0, 2)


def _numbers(draw: random.Random) -> list[int]:
    return [draw.randint(-9, 20) for _ in range(draw.choice((0, 1, 2, 3, 4, 5, 6)))]


def _number(draw: random.Random) -> int:
    return draw.choice((draw.randint(-20, 20), draw.randint(0, 200), draw.randint(0, 5)))


def _listed(draw: random.Random) -> str:
    return ",".join(map(str, _numbers(draw) or [draw.randint(0, 9)]))


_RARELY = 0.3
_WORDS = ("apple", "level", "banana", "otto", "green", "tea", "kayak", "moon", "rain", "abba", "stone", "even", "sea")

_TO_TEXT = (
    Step("reverse it", "@[::-1]", "text"),
    Step("make all letters capital", "@.upper()", "text"),
    Step("make all letters small", "@.lower()", "text"),
    Step("remove white space at both ends", "@.strip()", "text"),
    Step("keep the first {n} characters", "@[:{n}]", "text"),
    Step("keep the last {n} characters", "@[-{n}:]", "text"),
    Step("leave out the first {n} characters", "@[{n}:]", "text"),
    Step('remove every "{letter}"', '@.replace("{letter}", "")', "text"),
    Step('replace every "{letter}" by "{other}"', '@.replace("{letter}", "{other}")', "text"),
    Step("swap small and capital letters", "@.swapcase()", "text"),
    Step("repeat it {n} times", "@ * {n}", "text"),
)
_FROM_TEXT = (
    Step("count its characters", "len(@)", "int"),
    Step('count how often "{letter}" occurs', '@.count("{letter}")', "int"),
    Step("tell whether it reads the same backwards", "@ == @[::-1]", "bool"),
    Step('tell whether it contains "{letter}"', '"{letter}" in @', "bool"),
    Step("return the list of its words", "@.split()", "list"),
    Step("count its words", "len(@.split())", "int"),
)
_TO_NUMBERS = (
    Step("sort them in ascending order", "sorted(@)", "numbers"),
    Step("sort them in descending order", "sorted(@, reverse=True)", "numbers"),
    Step("reverse their order", "@[::-1]", "numbers"),
    Step("keep the even numbers", "[number for number in @ if number % 2 == 0]", "numbers"),
    Step("keep the odd numbers", "[number for number in @ if number % 2 == 1]", "numbers"),
    Step("keep those greater than {n}", "[number for number in @ if number > {n}]", "numbers"),
    Step("add {n} to each", "[number + {n} for number in @]", "numbers"),
    Step("multiply each by {n}", "[number * {n} for number in @]", "numbers"),
    Step("square each", "[number ** 2 for number in @]", "numbers"),
    Step("keep the first {n}", "@[:{n}]", "numbers"),
    Step("leave out the first {n}", "@[{n}:]", "numbers"),
)
_FROM_NUMBERS = (
    Step("return their sum", "sum(@)", "int"),
    Step("return the largest, or 0 if there is none", "max(@, default=0)", "int"),
    Step("return the smallest, or 0 if there is none", "min(@, default=0)", "int"),
    Step("count them", "len(@)", "int"),
    Step("count how many are positive", "sum(number > 0 for number in @)", "int"),
    Step("tell whether {n} is among them", "{n} in @", "bool"),
)
_TO_NUMBER = (
    Step("add {n}", "@ + {n}", "number"),
    Step("subtract {n}", "@ - {n}", "number"),
    Step("multiply by {n}", "@ * {n}", "number"),
    Step("square it", "@ ** 2", "number"),
    Step("take its absolute value", "abs(@)", "number"),
    Step("change its sign", "-@", "number"),
    Step("divide by {n} and round down", "@ // {n}", "number"),
    Step("take the remainder of dividing by {n}", "@ % {n}", "number"),
    Step("raise it to at least {n}", "max(@, {n})", "number"),
    Step("limit it to at most {n}", "min(@, {n})", "number"),
)
_FROM_NUMBER = (
    Step("tell whether it is even", "@ % 2 == 0", "bool"),
    Step("tell whether it is greater than {n}", "@ > {n}", "bool"),
    Step("return it as text", "str(@)", "text"),
    Step("count its digits", "len(str(abs(@)))", "int"),
    Step("return the sum of its digits", "sum(int(digit) for digit in str(abs(@)))", "int"),
)
_PARSED = (Step("read the numbers between the commas", '[int(part) for part in @.split(",")]', "numbers"),)

FAMILIES = (
    Family("strings", "text", _padded, _TO_TEXT, _TO_TEXT + _FROM_TEXT),
    Family("lists", "numbers", _numbers, _TO_NUMBERS, _TO_NUMBERS + _FROM_NUMBERS),
    Family("arithmetic", "number", _number, _TO_NUMBER, _TO_NUMBER + _FROM_NUMBER),
    Family("parsing", "text", _listed, _PARSED, _TO_NUMBERS + _FROM_NUMBERS),
)
_ARGUMENTS = {"numbers": "a list of integers", "text": "a string", "number": "an integer"}
_VARIABLES = {
    "text": ("text", "string", "line", "s"),
    "numbers": ("numbers", "values", "items", "xs"),
    "number": ("number", "value", "n", "x"),
}
_PLACES = re.compile(r"\{(\w+)\}")


class Pair(NamedTuple):
    """Two steps of a family, one after the other."""

    family: Family
    first: Step
    second: Step

    @property
    def name(self) -> str:
        """What it is called: the family and both steps without what is drawn."""
        return f"{self.family.name}: {self.first.words}, {self.second.words}"


class Problem(NamedTuple):
    """One problem as text and as code."""

    header: str
    """The beginning of the function with its description, which is what a model is shown."""
    body: str
    """Two lines, indented."""
    arguments: tuple[Any, ...]
    """One for each test, none twice."""


def pairs() -> list[Pair]:
    """Return every pair of two different steps, family by family."""
    return [
        Pair(family, first, second)
        for family in FAMILIES
        for first in family.first
        for second in family.second
        if first is not second
    ]


def problem(pair: Pair, draw: random.Random, num_arguments: int) -> Problem:
    """Return a problem of a pair, with what the pair leaves open drawn, and arguments to test it with."""
    family, first, second = pair
    variable = draw.choice(_VARIABLES[family.argument])
    middle = variable if first.gives == family.argument else draw.choice(_VARIABLES[first.gives])
    say_first, do_first = _filled(first, variable, draw)
    say_second, do_second = _filled(second, middle, draw)
    description = f"Take {_ARGUMENTS[family.argument]}: first {say_first}, then {say_second}."
    arguments: list[Any] = []
    while len(arguments) < num_arguments:
        one = family.draw(draw)
        if one not in arguments:
            arguments.append(one)
    return Problem(
        f'def solve({variable}):\n    """{description}"""\n',
        f"    {middle} = {do_first}\n    return {do_second}\n",
        tuple(arguments),
    )


def _filled(step: Step, variable: str, draw: random.Random) -> tuple[str, str]:
    """Return a step in words and as an expression, with its numbers and letters drawn."""
    letter, other = draw.sample("aeinorst", 2)
    values = {"n": str(draw.randint(2, 6)), "letter": letter, "other": other}
    return _with(step.words, values), _with(step.expression, values).replace("@", variable)


def _with(text: str, values: dict[str, str]) -> str:
    return _PLACES.sub(lambda place: values[place[1]], text)


def results(program: str, arguments: Sequence[Any]) -> list[Any]:
    """Return what the function `solve` of a program of these steps returns for each argument.

    The program is one of this module's own, never a model's.
    """
    space: dict[str, Any] = {}
    exec(compile(program, "<reference>", "exec"), space)
    return [space["solve"](one) for one in arguments]
