"""Checks on switching pass what is right and fail what is not."""

from collections.abc import Callable

import pytest

from paretune.audit.course import Attached, train_under_watch
from paretune.audit.switching import exact_off, no_op_at_start, switch_restores

Attach = Callable[..., Attached]


def trained(attach: Attach, *defects: str) -> Attached:
    run = attach(*defects)
    train_under_watch(run)
    return run


def test_the_start(attached: Attach) -> None:
    assert no_op_at_start(attached()).kind == "pass"
    elsewhere = no_op_at_start(attached("starts elsewhere"))
    assert elsewhere.kind == "fail"
    assert elsewhere.figure is not None
    assert elsewhere.figure > 0.01


def test_off(attached: Attach) -> None:
    assert exact_off(trained(attached)).kind == "pass"
    on = exact_off(trained(attached, "stays on"))
    assert on.kind == "fail"
    assert on.figure > 0  # type: ignore[operator]


@pytest.mark.parametrize(("defect", "word"), [("stays off", "outputs are"), ("thaws", "64 parameters are trainable")])
def test_off_and_on(defect: str, word: str, attached: Attach) -> None:
    assert switch_restores(trained(attached)).kind == "pass"
    verdict = switch_restores(trained(attached, defect))
    assert verdict.kind == "fail"
    assert word in verdict.finding


def test_what_has_no_switch_is_not_judged(attached: Attach) -> None:
    run = attached()
    bare = run._replace(model=run.model.base)  # type: ignore[arg-type]
    assert exact_off(bare).kind == "not_applicable"
    assert switch_restores(bare).kind == "not_applicable"
