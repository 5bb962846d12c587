"""Whatever a model writes, every task judges it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretune.tasks import Example, Task
from paretune.tasks.final_answer import final_answer
from paretune.tasks.gsm8k import Gsm8k
from paretune.tasks.own_data import OwnData
from paretune.tasks.readers import last_number, marked_number
from paretune.tasks.word_problems import WordProblems

METRICS = ["contains", "f1", "json", "regex:answer is:? (.+)", "exact_match"]
TASKS: list[Task] = [
    WordProblems(),
    Gsm8k(),
    OwnData({"path": "never-read.jsonl"}),
    OwnData({"path": "never-read.jsonl", "metric": METRICS}),
]
REPEATED = st.builds(
    lambda piece, times: piece * times,
    st.sampled_from(["1", "9,", ".", "1/", "-", "(", "{", "\\frac{"]),
    st.integers(1, 6000),
)
ANSWERS = st.builds(
    lambda mark, parts: mark + "".join(parts),
    st.sampled_from(["", "#### ", "The answer is: ", "$\\boxed{"]),
    st.lists(st.one_of(st.text(max_size=20), REPEATED), max_size=3),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ANSWERS)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.card.name)
def test_score_never_raises(task: Task, text: str) -> None:
    for target in ("18", "1/3", "-2.5"):
        score = task.score(text, Example("q", "Question: ?\nAnswer:", f" #### {target}", target, "all"))
        assert score == task.score(text, Example("q", "Question: ?\nAnswer:", f" #### {target}", target, "all"))


@settings(deadline=None, max_examples=200)
@given(ANSWERS)
def test_no_reader_raises(text: str) -> None:
    for reader in (final_answer, marked_number, last_number):
        assert reader(text) == reader(text)


def test_the_degenerate_answer_that_ended_a_trained_trial_is_wrong_and_no_more() -> None:
    example = Example("q", "Question: ?\nAnswer:", " #### 18", "18", "all")
    assert Gsm8k().score("#### " + "1" * 400, example)["accuracy"] == 0
