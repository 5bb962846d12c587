import pytest

from paretune.tasks.readers import last_number, marked_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("#### 17", "17"),
        ("2 + 2 = 4. ####17.", "17"),
        ("#### 1,234", "1234"),
        ("#### $5.50", "5.5"),
        ("#### -3", "-3"),
        ("#### 12.0", "12"),
        ("#### 7 #### 8", "7"),
        ("#### 1.000.000", "1000000"),
        ("#### -$1.000.000 in all", "-1000000"),
        ("#### 1.000", "1"),
        ("#### 1.000.5", None),
        ("#### 1.2.2024", None),
        ("#### 2\\pi", None),
        ("#### 2 \\pi", None),
        ("#### 2π", None),
        ("#### 2 \\pitch", "2"),
        ("the answer is 7", None),
        ("#### none", None),
        ("####", None),
        ("", None),
    ],
)
def test_marked_number(text: str, number: str | None) -> None:
    assert marked_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("She has 3 and 4.", "4"),
        ("12 - 5", "5"),
        ("12-5", "5"),
        ("it is -5", "-5"),
        ("1,200 dollars", "1200"),
        ("costs $3.20.", "3.2"),
        ("100", "100"),
        ("it has 1.000.000 inhabitants.", "1000000"),
        ("the circumference of 3 is 6\\pi.", None),
        ("6π", None),
        ("on 1.2.2024", None),
        ("no number", None),
        ("... , - $", None),
    ],
)
def test_last_number(text: str, number: str | None) -> None:
    assert last_number(text) == number
