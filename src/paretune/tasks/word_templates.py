"""The stories behind the word problems: a text, and the two or three steps of arithmetic that solve it.

Numbers are called `a` (3 to 20), `b` (2 to 6), `c` and `d` (2 to 9); `bc` is b x c, `rest` is a + b x c, `few` is a
number below b x c, `less` a number below a. In a step, `_` is the result of the step before.
"""

from typing import NamedTuple


class Template(NamedTuple):
    """One kind of story."""

    name: str
    text: str
    steps: tuple[str, ...]


TRAINED = (
    Template(
        "boxes",
        "{who} has {a} {things} and buys {b} boxes with {c} {things} in each. How many {things} does {who} have now?",
        ("b * c", "a + _"),
    ),
    Template(
        "gifts",
        "{who} had {rest} {things} and gave {c} of them to each of {b} friends. How many {things} are left?",
        ("b * c", "rest - _"),
    ),
    Template(
        "pages",
        "{who} reads {b} pages every morning and {d} pages every evening. How many pages does {who} read in {c} days?",
        ("b + d", "_ * c"),
    ),
    Template(
        "together",
        "{who} has {a} {things}. {other} has {c} more than {who}. How many {things} do they have together?",
        ("a + c", "a + _"),
    ),
    Template(
        "returned",
        "A shop sold {a} {things} on Monday and {c} on Tuesday. Then {b} were brought back. How many stayed sold?",
        ("a + c", "_ - b"),
    ),
    Template(
        "shares",
        "{who} shares {bc} {things} equally among {b} children and then gives each child {d} more. "
        "How many {things} does each child get?",
        ("bc / b", "_ + d"),
    ),
    Template(
        "broken",
        "A crate holds {b} rows of {c} {things}, and {few} of them are broken. How many {things} are whole?",
        ("b * c", "_ - few"),
    ),
    Template(
        "wages",
        "{who} earns {c} dollars an hour, works {b} hours and spends {few} dollars. How many dollars are left?",
        ("b * c", "_ - few"),
    ),
    Template(
        "ages",
        "{who} is {a} years old and {other} is {c} years older. How old will {other} be in {d} years?",
        ("a + c", "_ + d"),
    ),
    Template(
        "buses",
        "Each of {b} buses brings {c} guests, and {a} guests come on foot. How many guests come in all?",
        ("b * c", "_ + a"),
    ),
    Template(
        "found",
        "{who} picks {a} {things}, loses {less} and finds {d} more. How many {things} does {who} have at the end?",
        ("a - less", "_ + d"),
    ),
    Template(
        "tickets",
        "A ticket costs {c} dollars. {who} buys {b} tickets and a drink for {d} dollars. "
        "How many dollars is that in all?",
        ("b * c", "_ + d"),
    ),
    Template(
        "shelves",
        "There are {b} shelves with {c} {things} each. {who} adds {d} {things} to the first shelf and {a} to the last. "
        "How many {things} are on the shelves?",
        ("b * c", "_ + d", "_ + a"),
    ),
    Template(
        "saving",
        "{who} saves {c} dollars a week for {b} weeks and then gets {a} dollars from {other}. "
        "How many dollars does {who} have?",
        ("c * b", "_ + a"),
    ),
    Template(
        "teams",
        "{bc} players form {b} equal teams. In each team {d} players are added. How many players has a team now?",
        ("bc / b", "_ + d"),
    ),
    Template(
        "garden",
        "{who} plants {a} trees in spring and {c} in autumn. A storm takes {less}. How many trees stand?",
        ("a + c", "_ - less"),
    ),
    Template(
        "train",
        "A train has {a} riders. At the first stop {c} get on, at the second {d} get on. "
        "How many riders are there now?",
        ("a + c", "_ + d"),
    ),
    Template(
        "cooking",
        "A recipe takes {b} eggs and {d} potatoes. How many of both does {who} need for {c} times the recipe?",
        ("b + d", "_ * c"),
    ),
)
"""What training, validation and part of the test are made of."""

UNSEEN = (
    Template(
        "unpacked",
        "{who} puts {bc} {things} equally into {b} bags and then adds {a} to one bag. "
        "How many {things} are in that bag?",
        ("bc / b", "_ + a"),
    ),
    Template(
        "birds",
        "{a} birds sit on a wall. {c} more land there, and later {d} more. How many birds sit on the wall?",
        ("a + c", "_ + d"),
    ),
    Template(
        "miles",
        "{who} runs {b} miles a day for {c} days. {other} runs {a} miles in all. How many miles have both run?",
        ("b * c", "_ + a"),
    ),
    Template(
        "points",
        "{who} scores {a} points in the first game, {c} in the second, and loses {b} in the third. "
        "How many points does {who} have?",
        ("a + c", "_ - b"),
    ),
    Template(
        "class",
        "A class has {b} groups of {c} children. {few} children are ill today. How many children are there today?",
        ("b * c", "_ - few"),
    ),
    Template(
        "lamps",
        "Each of {c} rooms has {b} lamps and {d} candles. How many lights are there in all?",
        ("b + d", "_ * c"),
    ),
    Template(
        "change",
        "{who} has {rest} dollars and buys {b} books for {c} dollars each. How many dollars are left?",
        ("b * c", "rest - _"),
    ),
    Template(
        "cousins",
        "{who} is {a} years old. {other} is {d} years older than {who}. What is the sum of their ages?",
        ("a + d", "a + _"),
    ),
)
"""What only the test shows: do methods learn to solve, or the stories by heart?"""
