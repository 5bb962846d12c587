"""Checks on training pass what is right and fail what is not."""

from collections.abc import Callable

import pytest

from paretune.audit.course import Attached, Movement, train_under_watch
from paretune.audit.training import checkpointing_keeps_gradients, parameters_move, trains

Attach = Callable[..., Attached]


def test_a_method_that_learns_passes(attached: Attach) -> None:
    trained = train_under_watch(attached())
    assert trains(trained).kind == "pass"
    verdict = parameters_move(trained.movements)
    assert verdict.kind == "pass"
    assert verdict.figure == 1.0
    assert "float32" in verdict.finding
    assert [movement.name for movement in trained.movements] == ["gain"]


def test_a_method_that_climbs_fails(attached: Attach) -> None:
    verdict = trains(train_under_watch(attached("climbs")))
    assert verdict.kind == "fail"
    assert verdict.figure is not None
    assert verdict.figure < 0


def test_a_parameter_that_no_output_depends_on_is_named(attached: Attach) -> None:
    verdict = parameters_move(train_under_watch(attached("has a dead parameter")).movements)
    assert verdict.kind == "fail"
    assert "1 of 2 tensors" in verdict.finding
    assert "unused" in verdict.finding
    assert verdict.figure == pytest.approx(64 / 68)


def test_what_moves_and_goes_back_has_moved(attached: Attach) -> None:
    run = attached()
    start = run.model.gain.detach().clone()  # type: ignore[operator]
    last = run.context.recipe.steps - 1

    def put_back(model: object, step: int) -> None:
        if step == last:
            run.model.gain.data = start.clone()

    run.method.after_step = put_back  # type: ignore[method-assign]
    assert parameters_move(train_under_watch(run).movements).kind == "pass"


def test_nothing_trainable_is_a_failure() -> None:
    assert parameters_move(()).kind == "fail"
    assert parameters_move((Movement("a", "bfloat16", 4, 1),)).finding == "1 tensor in bfloat16, 25.0% of its values"


def test_checkpointing(attached: Attach) -> None:
    right, wrong = attached(), attached("checkpoints wrongly")
    assert checkpointing_keeps_gradients(right).figure == 0.0
    verdict = checkpointing_keeps_gradients(wrong)
    assert verdict.kind == "fail"
    assert verdict.figure is not None
    assert verdict.figure > 0.01
    assert not wrong.model.checkpointing
