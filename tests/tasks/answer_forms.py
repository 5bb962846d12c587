"""Forms in which models write the final answer, and who reads them right."""

from typing import NamedTuple


class Form(NamedTuple):
    """One text, the reference it is judged by, and what the two rules make of it."""

    text: str
    target: str
    ours: bool
    theirs: bool
    why: str = ""
    """Where the two differ: what is wrong with theirs."""


AGREED = [
    Form("She has 18.\n#### 18", "18", True, True),
    Form("#### 18", "18", True, True),
    Form("#### 18.", "18", True, True),
    Form("#### 18.0", "18", True, True),
    Form("#### 018", "18", True, True),
    Form("####  18", "18", True, True),
    Form("#### $18", "18", True, True),
    Form("#### 18%", "18", True, True),
    Form("#### 18 %", "18", True, True),
    Form("#### -5", "-5", True, True),
    Form("#### 5", "-5", False, False),
    Form("#### 17", "18", False, False),
    Form("#### 180", "18", False, False),
    Form("#### 1.8", "18", False, False),
    Form("#### eighteen", "18", False, False),
    Form("#### ", "18", False, False),
    Form("The answer is: 18", "18", True, True),
    Form("The answer is: 18.", "18", True, True),
    Form("The answer is 18", "18", True, True),
    Form("The answer is 18!", "18", True, True),
    Form("The final answer is: 18", "18", True, True),
    Form("The final answer is 18", "18", True, True),
    Form("The answer is: $18", "18", True, True),
    Form("The answer is: $18$", "18", True, True),
    Form("The answer is: 18%", "18", True, True),
    Form("9 * 2 = 18.\n#### 18\nThe answer is: 18", "18", True, True),
    Form("So 4^2 = \\boxed{16}.The answer is: 16", "16", True, True),
    Form("The answer is: 18\nThat was easy, 20 is wrong.", "18", True, True),
    Form("The answer is: 0.5", "1/2", True, True),
    Form("The answer is: 20/14", "10/7", True, True),
    Form("The answer is: 1 / 2", "0.5", True, True),
    Form("The answer is: 0.3333333333333333", "1/3", True, True),
    Form("The answer is: 0.33", "1/3", False, False),
    Form("The answer is: 1/0", "0", False, False),
    Form("The answer is: 1e3", "1000", True, True),
    Form("The answer is: 70,000", "70,000", True, True),
    Form("The answer is: 70,001", "70,000", False, False),
    Form("The answer is: NaN", "0", False, False),
    Form("The answer is: infinity", "0", False, False),
    Form("The answer is: x", "18", False, False),
    Form("The answer is: 5 or 6", "5", False, False),
    Form("The answer is: 5 or 6", "6", False, False),
    Form("The answer is: 3-5", "-5", False, False),
    Form("18", "18", False, False),
    Form("So she makes 18 dollars.", "18", False, False),
    Form("Answer: 18", "18", False, False),
    Form("\\boxed{18}", "18", False, False),
    Form("", "18", False, False),
    Form("#### 12\n#### 18", "18", True, True),
    Form("#### 18\n#### 12", "18", False, False),
]
"""Both rules say the same."""

THEIRS_IS_WRONG = [
    Form("####18", "18", True, False, "wants a space after the mark"),
    Form("The answer is: .5", "0.5", True, False, "takes the decimal point for the end of a sentence"),
    Form("The answer is: 1,000", "1000", True, False, "cannot read commas between thousands"),
    Form("The answer is: 70000", "70,000", True, False, "cannot read commas between thousands in the reference"),
    Form("The answer is: 1,234.50", "1234.5", True, False, "cannot read commas between thousands"),
    Form("The answer is: 18 dollars", "18", True, False, "takes the unit for a part of the number"),
    Form("The answer is: 18 eggs.", "18", True, False, "takes the unit for a part of the number"),
    Form("The answer is: 18km", "18", True, False, "takes the unit for a part of the number"),
    Form("The answer is: 18, as shown above", "18", True, False, "takes what follows for a part of the number"),
    Form("The answer is: **18**", "18", True, False, "takes emphasis for a part of the number"),
    Form("The answer is: \\boxed{18}", "18", True, False, "does not know LaTeX"),
    Form("The answer is: $\\boxed{18}$", "18", True, False, "does not know LaTeX"),
    Form("The answer is: \\frac{1}{2}", "0.5", True, False, "does not know LaTeX"),
    Form("The answer is: \\dfrac{3}{4}", "0.75", True, False, "does not know LaTeX"),
    Form("The answer is: 18\\%", "18", True, False, "does not know LaTeX"),
    Form("The answer is: \\$18", "18", True, False, "does not know LaTeX"),
    Form("The answer is: 18\\text{ cm}", "18", True, False, "does not know LaTeX"),
    Form("The answer is: 1 1/2", "1.5", True, False, "does not know mixed numbers"),
    Form("The answer is: x = 18", "18", True, False, "does not look behind an equals sign"),
    Form("The answer is: 9 * 2 = 18", "18", True, False, "does not look behind an equals sign"),
    Form("The answer is: −5", "-5", True, False, "does not know the minus sign of typography"),
    Form("The answer is: -$5", "-5", True, False, "a sign of currency after the minus"),
    Form("the answer is: 18", "18", True, False, "wants a capital letter"),
    Form("The answer is:18", "18", True, False, "wants a space after the colon"),
    Form("The answer is: 1/2 cup", "0.5", True, False, "takes the unit for a part of the fraction"),
    Form("The answer is: 12\n#### 18", "18", True, False, "prefers the words to the mark wherever they stand"),
    Form(
        "#### 18\n\nQuestion: What is 2 + 2?\nAnswer: 4\n#### 4", "18", True, False,
        "reads the answer to the next question, which the model made up",
    ),
    Form(
        "#### 12\n\nQuestion: What is 9 + 9?\nAnswer: 18\n#### 18", "18", False, True,
        "reads the answer to the next question, which the model made up",
    ),
    Form("The answer is: 1_8", "18", False, True, "counts Python's way of grouping digits as a number"),
]  # fmt: skip
FORMS = AGREED + THEIRS_IS_WRONG
