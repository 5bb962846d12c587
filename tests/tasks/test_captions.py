"""A caption says what its picture shows, and is judged as a whole and by the things that it names."""

from collections import Counter
from itertools import chain
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks import Example, drawn_task, get_task
from tests.tasks.test_visual_questions import things

SMALL = {"train_size": 64, "validation_size": 16, "test_size": 32}
TWO = "a red circle at the top left and a blue square at the centre"


def splits(**options: Any) -> dict[str, list[Example]]:
    task = get_task("captions", {**SMALL, **options})
    return {split: list(task.examples(split)) for split in ("train", "validation", "test")}


def test_a_caption_says_what_the_picture_shows() -> None:
    for example in chain(*splits().values()):
        parts = [f"a {colour} {shape} at the {place}" for colour, shape, place in things(example)]
        assert example.target.replace(" and ", ", ") == ", ".join(parts)


def test_half_of_the_test_shows_what_is_never_learnt_and_no_picture_comes_twice() -> None:
    found = splits()
    learnt = {(colour, shape) for one in (*found["train"], *found["validation"]) for colour, shape, _ in things(one)}
    assert len(learnt) == 20
    assert Counter(one.group for one in found["test"]) == {"seen": 16, "unseen": 16}
    for example in found["test"]:
        shown = {(colour, shape) for colour, shape, _ in things(example)}
        assert bool(shown - learnt) == (example.group == "unseen")
    pictures = [one.picture for one in chain(*found.values())]
    assert len(set(pictures)) == len(pictures)
    assert {len(things(one)) for one in found["train"]} == {1, 2, 3}


@pytest.mark.parametrize(
    ("said", "strict", "lenient", "f1"),
    [
        (TWO, 1, 1, 1),
        (f" {TWO.upper()}.", 1, 1, 1),
        ("a blue square at the centre and a red circle at the top left", 0, 1, 1),
        ("There is a red circle in the top left corner, a blue square in the centre.", 0, 1, 14 / 22),
        ("a red circle at the top left", 0, 0, 10 / 15),
        ("a red circle at the top and a blue square at the centre", 0, 0, 18 / 19),
        ("a red circle at the top left and a blue square at the centre and a red cross at the centre", 0, 0, 20 / 25),
        ("", 0, 0, 0),
    ],
)
def test_how_captions_are_judged(said: str, strict: int, lenient: int, f1: float) -> None:
    task = get_task("captions", SMALL)
    example = task.examples("test")[0]._replace(target=TWO)
    values = task.score(said, example)
    assert values == pytest.approx({"accuracy": strict, "accuracy_lenient": lenient, "f1": f1})


def test_the_data_is_the_same_on_every_machine() -> None:
    assert get_task("captions", SMALL).content_hash == "7bb50a905cf1de25"


def test_sizes_that_the_rules_cannot_fill_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_task, "_TRIES", 0)
    with pytest.raises(InputError, match="no new image left after 0 of test-seen; choose smaller sizes"):
        get_task("captions", SMALL).examples("test")
