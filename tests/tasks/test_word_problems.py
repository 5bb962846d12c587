import re
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.spec import InputError
from paretune.tasks import Example, Score, get_task
from paretune.tasks.word_templates import TRAINED, UNSEEN

STEP = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)\.")


def all_examples(**options: int) -> dict[str, list[Example]]:
    task = get_task("word_problems", options)
    return {split: list(task.examples(split)) for split in ("train", "validation", "test")}


def test_there_are_enough_templates_and_some_are_for_the_test_alone() -> None:
    assert len(TRAINED) + len(UNSEEN) >= 20
    assert len({template.name for template in (*TRAINED, *UNSEEN)}) == len(TRAINED) + len(UNSEEN)
    assert len(UNSEEN) >= 6


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), train=st.integers(1, 300), rest=st.integers(2, 60))
def test_no_problem_is_in_two_splits(seed: int, train: int, rest: int) -> None:
    splits = all_examples(seed=seed, train_size=train, validation_size=rest, test_size=rest)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": train, "validation": rest, "test": rest}
    prompts = [example.prompt for example in chain(*splits.values())]
    assert len(set(prompts)) == len(prompts)


def test_every_step_is_right_and_leads_to_the_target() -> None:
    for example in chain(*all_examples().values()):
        steps = STEP.findall(example.completion)
        assert len(steps) >= 2, example
        for left, operator, right, result in steps:
            x, y = int(left), int(right)
            assert int(result) == {"+": x + y, "-": x - y, "*": x * y, "/": x / y}[operator], example
            assert int(result) >= 0, example
        assert steps[-1][3] == example.target
        assert example.completion.endswith(f"#### {example.target}")
        given_numbers = set(re.findall(r"\d+", example.prompt)) | {step[3] for step in steps}
        assert {step[0] for step in steps} | {step[2] for step in steps} <= given_numbers, example


def test_unseen_templates_are_in_the_test_alone() -> None:
    splits = all_examples()
    assert (
        {example.group for example in splits["train"]}
        == {example.group for example in splits["validation"]}
        == {"seen"}
    )
    groups = [example.group for example in splits["test"]]
    assert groups.count("seen") == groups.count("unseen") == 80
    told_like = re.compile("|".join(re.sub(r"\\{\w+\\}", r"\\w+", re.escape(template.text)) for template in UNSEEN))
    stories = [example.prompt.removeprefix("Question: ").partition("\n")[0] for example in splits["train"]]
    assert not any(told_like.fullmatch(story) for story in stories)
    assert told_like.fullmatch(splits["test"][-1].prompt.removeprefix("Question: ").partition("\n")[0])


def test_the_data_of_version_1_never_changes() -> None:
    task = get_task("word_problems")
    assert task.card.version == "1"
    assert task.content_hash == "bf9ff93830595c75", "changed data needs a new version"


def test_more_training_data_leaves_the_test_as_it_is() -> None:
    assert all_examples(train_size=10)["test"] == all_examples(train_size=500)["test"]


def test_few_shot_shows_training_examples() -> None:
    task = get_task("word_problems")
    text = task.few_shot(2)
    assert text.count("Question:") == text.count("####") == 2
    assert task.examples("train")[0].prompt in text
    assert task.few_shot(0) == ""


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"train_size": 0}, "option train_size must be a whole number of at least 1, got 0"),
        ({"seed": "x"}, "option seed must be a whole number"),
        ({"train_siez": 5}, 'did you mean "train_size"'),
        ({"test_size": 10**6}, "choose smaller sizes"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, int], line: str) -> None:
    with pytest.raises(InputError, match=line):
        get_task("word_problems", options).examples("test")


def test_answers_are_read_strictly_and_leniently() -> None:
    task = get_task("word_problems")
    example = Example("x", "q", " 3 * 4 = 12. #### 12", "12", "seen")
    assert task.score(" 3 * 4 = 12. #### 12", example) == Score(True, True)
    assert task.score(" It is 12.", example) == Score(False, True)
    assert task.score(" #### 13 or 12", example) == Score(False, True)
    assert task.score("", example) == Score(False, False)
