import io

import pytest
from rich.console import Console

from paretune.report.console.fitted_table import FittedColumn, FittedTable

COLUMNS = [
    FittedColumn[str]("Method", str, "left"),
    FittedColumn[str]("Ac-\ncuracy", lambda name: "58.3%\n49-67%"),
    FittedColumn[str]("Training\nmemory", lambda name: "2.61 GB"),
    FittedColumn[str]("Other", lambda name: "12.5%"),
]

ON_ONE_LINE = """\
T
                    Training
Method     Accuracy   memory Other
lora   58.3% 49-67%  2.61 GB 12.5%"""
ON_TWO_LINES = """\
T
                Training
Method Accuracy   memory Other
lora      58.3%  2.61 GB 12.5%
         49-67%"""
HYPHENATED = """\
T
          Ac- Training
Method curacy   memory Other
lora    58.3%  2.61 GB 12.5%
       49-67%"""


def printed(names: list[str], width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(FittedTable("T", names, COLUMNS, needed=["Accuracy"]))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).rstrip()


@pytest.mark.parametrize(
    ("width", "table"),
    [(50, ON_ONE_LINE), (32, ON_TWO_LINES), (29, HYPHENATED)],
)
def test_lines_are_broken_where_room_is_short(width: int, table: str) -> None:
    assert printed(["lora"], width) == table


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(50, ""), (26, "Other"), (20, "Training memory, Other"), (12, "Accuracy, Training memory, Other")],
)
def test_the_least_needed_columns_go_first_and_are_named_and_names_stay(width: int, left_out: str) -> None:
    text = printed(["lora"], width)
    words = " ".join(text.split())
    assert "lora" in text
    assert ("Columns hidden because the terminal is too narrow: " + left_out + "." in words) == bool(left_out)
    assert ("too narrow" in words) == bool(left_out)
    assert ("12.5%" in text) == ("Other" not in left_out)


def test_a_long_name_is_folded_and_not_cut() -> None:
    name = "lora-" + "x" * 60 + "-end"
    text = printed([name], 80)
    assert name in "".join(line[:32].strip() for line in text.splitlines()[2:])
    assert "12.5%" in text
