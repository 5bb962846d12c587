from typing import Any

from paretune.analysis import Row, clock_changes, rows_of
from tests.records import make_record


def rows(*figures: tuple[str, float, float | None, float | None]) -> list[Row]:
    """Return rows of label, accuracy, published seconds and seconds of all steps."""
    found = []
    for label, accuracy, published, steps in figures:
        metrics: dict[str, Any] = {"accuracy": accuracy}
        metrics |= {"reported_train_seconds": published} if published is not None else {}
        metrics |= {"train_seconds": steps} if steps is not None else {}
        found.append(make_record(label, metrics=metrics))
    return rows_of(found)


def test_places_and_fronts_by_both_clocks() -> None:
    slow_to_answer, quick, beaten = clock_changes(
        rows(("lora", 0.4, 90.0, 10.0), ("oft", 0.5, 30.0, 20.0), ("ia3", 0.1, 40.0, 30.0))
    )
    assert [slow_to_answer.method, quick.method, beaten.method] == ["lora", "oft", "ia3"]
    assert (slow_to_answer.published_place, slow_to_answer.steps_place) == (3, 1)
    assert (slow_to_answer.published_front, slow_to_answer.steps_front) == (False, True)
    assert slow_to_answer.ratio == 9
    assert slow_to_answer.moved
    assert not quick.moved
    assert not beaten.moved


def test_rows_without_both_clocks_are_left_out() -> None:
    assert clock_changes(rows(("lora", 0.4, None, 10.0), ("oft", 0.5, 30.0, None))) == []
    assert clock_changes([]) == []
