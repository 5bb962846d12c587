"""Visual questions have one answer each, which the picture shows and the words alone do not."""

import io
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paretune.spec import InputError
from paretune.tasks import Example, drawn_task, get_task
from paretune.tasks.drawn_shapes import BACKGROUND, CELL_PIXELS, COLOURS, HIGHEST, PLACES, SHAPES, Thing, drawn

UNSEEN = set(zip(COLOURS, SHAPES, strict=True))
SMALL = {"train_size": 64, "validation_size": 16, "test_size": 32}


def all_examples(**options: Any) -> dict[str, list[Example]]:
    task = get_task("visual_questions", options)
    return {split: list(task.examples(split)) for split in ("train", "validation", "test")}


def things(example: Example) -> list[tuple[str, str, str]]:
    """Return what a picture shows as (colour, shape, place), read off its pixels."""
    pixels = np.array(Image.open(io.BytesIO(example.picture or b"")))
    found = []
    for cell, place in enumerate(PLACES):
        row, column = divmod(cell, 3)
        part = pixels[row * CELL_PIXELS : (row + 1) * CELL_PIXELS, column * CELL_PIXELS : (column + 1) * CELL_PIXELS]
        painted = (part != BACKGROUND).any(axis=2)
        if painted.any():
            rows, columns = np.nonzero(painted)
            colour = next(name for name, value in COLOURS.items() if tuple(part[rows[0], columns[0]]) == value)
            found.append((colour, _shape(painted, rows), place))
    return found


def _shape(painted: Any, rows: Any) -> str:
    half = (rows.max() - rows.min()) // 2
    return next(
        shape
        for shape in SHAPES
        if np.array_equal(painted, _painted(Thing("red", shape, 0, 0, half)))
    )  # fmt: skip


def _painted(thing: Thing) -> Any:
    pixels = np.array(Image.open(io.BytesIO(drawn((thing,)))))
    return (pixels[:CELL_PIXELS, :CELL_PIXELS] != BACKGROUND).any(axis=2)


def answer(question: str, shown: list[tuple[str, str, str]]) -> set[str]:
    """Return the right answers to a question, by what its picture shows."""
    words = question.removeprefix("Question: ").split("?")[0].split()
    if question.startswith("Question: What colour"):
        return {colour for colour, shape, _ in shown if shape == words[-1]}
    if question.startswith("Question: What shape"):
        return {shape for colour, shape, _ in shown if colour == words[-1]}
    if question.startswith("Question: Where"):
        return {place for colour, shape, place in shown if [colour, shape] == words[-2:]}
    shape = words[3].removesuffix("es") if words[3] == "crosses" else words[3].removesuffix("s")
    return {str(sum((one, other) == (words[2], shape) for one, other, _ in shown))}


def test_the_picture_shows_the_one_right_answer() -> None:
    for example in chain(*all_examples(**SMALL).values()):
        assert answer(example.prompt, things(example)) == {example.target}, example.prompt
        assert example.target in example.choices


def test_unseen_combinations_are_in_no_picture_that_is_learnt_from() -> None:
    splits = all_examples(**SMALL)
    for example in (*splits["train"], *splits["validation"]):
        assert not UNSEEN & {(colour, shape) for colour, shape, _ in things(example)}
    groups = Counter(example.group for example in splits["test"])
    assert groups == {"seen": 16, "unseen": 16}
    for example in splits["test"]:
        has = bool(UNSEEN & {(colour, shape) for colour, shape, _ in things(example)})
        assert has == (example.group == "unseen")
    learnt = {part for example in splits["train"] for colour, shape, _ in things(example) for part in (colour, shape)}
    assert learnt == {*COLOURS, *SHAPES}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_question_about_one_picture_is_in_two_splits(seed: int) -> None:
    rows = [(one.prompt, one.picture) for one in chain(*all_examples(seed=seed, **SMALL).values())]
    assert len(set(rows)) == len(rows)


def test_with_blank_pictures_the_questions_are_the_same_and_show_nothing() -> None:
    drawn_ones, blank = all_examples(**SMALL), all_examples(**SMALL, pictures="blank")
    assert len({example.picture for example in chain(*blank.values())}) == 1
    for split, examples in blank.items():
        assert [one._replace(picture=None) for one in examples] == [
            one._replace(picture=None) for one in drawn_ones[split]
        ]
        assert things(examples[0]) == []


def test_guessing_from_the_words_alone_is_seldom_right() -> None:
    splits = all_examples(train_size=1024, validation_size=8, test_size=200)
    frequent: dict[str, Counter[str]] = {}
    for example in splits["train"]:
        frequent.setdefault(example.prompt, Counter())[example.target] += 1
    guessed = [frequent[one.prompt].most_common(1)[0][0] if one.prompt in frequent else "" for one in splits["test"]]
    right = sum(guess == one.target for guess, one in zip(guessed, splits["test"], strict=True))
    assert right / len(guessed) < 0.35


def bars(example: Example) -> dict[str, int]:
    """Return the heights of the bars that a chart shows, read off its pixels."""
    pixels = np.array(Image.open(io.BytesIO(example.picture or b"")))
    tall = {name: int((pixels == value).all(axis=2).any(axis=1).sum()) for name, value in COLOURS.items()}
    unit = pixels.shape[0] // (HIGHEST + 1)
    assert not any(number % unit for number in tall.values())
    return {name: number // unit for name, number in tall.items() if number}


def test_a_chart_shows_the_height_that_is_asked_for_and_unseen_ones_are_not_learnt() -> None:
    unseen = set(zip(COLOURS, range(1, HIGHEST + 1), strict=True))
    for split, examples in all_examples(**SMALL, about=["chart"]).items():
        for example in examples:
            colour = example.prompt.removeprefix("Question: How high is the ").split()[0]
            assert str(bars(example)[colour]) == example.target
            assert unseen.isdisjoint(bars(example).items()) == (example.group == "seen"), split


def test_kinds_of_questions_take_turns() -> None:
    prompts = [one.prompt for one in all_examples(**SMALL, about=["count", "chart"])["train"]]
    assert {prompt.split()[2] for prompt in prompts[::2]} == {"many"}
    assert {prompt.split()[2] for prompt in prompts[1::2]} == {"high"}
    with pytest.raises(InputError, match="about must be a list of some of colour, shape, count, place, chart"):
        get_task("visual_questions", {"about": ["colours"]})


def test_the_data_is_the_same_on_every_machine() -> None:
    task = get_task("visual_questions", SMALL)
    assert task.content_hash == "716301bd6b8809f4"
    assert "about" not in task.spec().options  # so that trials from before it was there keep their ids
    assert get_task("visual_questions", {**SMALL, "about": ["count", "chart"]}).content_hash == "10cc378b5473b1fb"


@pytest.mark.parametrize(
    ("said", "strict", "lenient"),
    [
        ("top left", 1, 1),
        (" Top left.", 1, 1),
        ("It is at the top left of the centre", 0, 1),
        ("centre, not top left", 0, 0),
        ("top", 0, 0),
        ("", 0, 0),
    ],
)
def test_an_answer_counts_as_a_whole_or_by_the_first_possible_one(said: str, strict: int, lenient: int) -> None:
    task = get_task("visual_questions", SMALL)
    example = next(one for one in task.examples("test") if one.choices == PLACES)._replace(target="top left")
    assert task.score(said, example) == {"accuracy": strict, "accuracy_lenient": lenient}


def test_sizes_that_the_rules_cannot_fill_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_task, "_TRIES", 0)
    with pytest.raises(InputError, match="no new example left after 0 of test-seen; choose smaller sizes"):
        get_task("visual_questions", SMALL).examples("test")
