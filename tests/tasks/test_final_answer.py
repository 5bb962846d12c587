import ast
import math
from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation
from fractions import Fraction
from typing import Any, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretune.tasks.final_answer import final_answer, number_in, same_number
from paretune.tasks.published_rule import right_by_published_rule
from tests.outside import PEFT_CHECKOUT, needs_checkout
from tests.tasks.answer_forms import FORMS, Form

MARKS = ["The answer is: ", "The final answer is ", "#### "]
PIECES = st.sampled_from([*MARKS, "18", "-5", "1/2", "1/0", "$", "%", ".", " ", "\n", "x", ",", "="])


def ours(form: Form) -> bool:
    said, wanted = final_answer(form.text), number_in(form.target)
    assert wanted is not None
    return said is not None and same_number(said, wanted)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: repr(form.text))
def test_every_form_is_read_as_the_table_says(form: Form) -> None:
    assert ours(form) == form.ours
    assert right_by_published_rule(form.text, form.target) == form.theirs


def test_the_table_is_long_and_names_a_reason_for_every_difference() -> None:
    assert len(FORMS) >= 60
    assert len(set(FORMS)) == len(FORMS)
    for form in FORMS:
        assert bool(form.why) == (form.ours != form.theirs), form


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_are_read_with_and_without_commas(number: int) -> None:
    for written in (f"{number}", f"{number:,}", f"${number:,} in all", f"{number}.00"):
        assert final_answer(f"So.\n#### {written}") == number


@given(st.text())
def test_no_text_upsets_the_readers(text: str) -> None:
    for whole in (text, f"#### {text}", f"The answer is: {text}"):
        final_answer(whole)
        right_by_published_rule(whole, text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1.000.000", 1_000_000), ("$12.345.678 in all", 12_345_678), ("1.000", 1), ("30^\\circ", 30), ("5 kg", 5)],
)
def test_dots_group_thousands_from_a_million_on(text: str, wanted: int) -> None:
    assert final_answer(f"#### {text}") == wanted


@pytest.mark.parametrize("text", ["2\\pi", "2 \\pi", "2π", "= 5\\pi"])
def test_a_multiple_of_a_constant_is_no_rational_number(text: str) -> None:
    assert final_answer(f"#### {text}") is None


@pytest.mark.parametrize("digits", [400, 6000])
def test_a_number_too_large_for_a_float_is_compared_and_upsets_nothing(digits: int) -> None:
    said = final_answer("#### " + "1" * digits)
    assert said is None or not same_number(said, Fraction(18))


@given(st.fractions())
def test_a_number_is_the_same_as_itself(number: Fraction) -> None:
    assert same_number(number, number)


@needs_checkout
class TestTheirOwnCode:
    """Their functions, taken out of their module, which as a whole wants a GPU."""

    @pytest.fixture
    def theirs(self) -> Callable[[str, str], bool]:
        source = (PEFT_CHECKOUT / "method_comparison" / "MetaMathQA" / "utils.py").read_text(encoding="utf-8")
        names = {"parse_answer", "convert_to_decimal", "get_accuracy"}
        body = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name in names]
        assert {node.name for node in body} == names
        scope: dict[str, Any] = {
            "Optional": Optional, "Decimal": Decimal, "DivisionByZero": DivisionByZero,
            "InvalidOperation": InvalidOperation,
        }  # fmt: skip
        exec(compile(ast.Module(body=list(body), type_ignores=[]), "utils.py", "exec"), scope)

        def right(text: str, target: str) -> bool:
            accuracy: float = scope["get_accuracy"](predictions=[text], responses=[f"#### {target}"])
            return math.isclose(accuracy, 1.0)

        return right

    def test_our_account_of_their_rule_is_true_of_every_form(self, theirs: Callable[[str, str], bool]) -> None:
        for form in FORMS:
            assert theirs(form.text, form.target) == form.theirs, form

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.lists(PIECES).map("".join), target=st.sampled_from(["18", "-5", "1/2", "1,000"]))
    def test_and_of_any_text(self, theirs: Callable[[str, str], bool], text: str, target: str) -> None:
        assert theirs(text, target) == right_by_published_rule(text, target)
