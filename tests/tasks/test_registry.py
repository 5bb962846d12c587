import pytest

from paretune.spec import InputError
from paretune.tasks import get_task, task_cards, task_names


def test_names_and_cards_agree() -> None:
    assert task_names()[:3] == ["word_problems", "gsm8k", "own_data"]
    assert [card.name for card in task_cards()][:3] == task_names()[:3]


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "word_problems"'):
        get_task("word_problem")
