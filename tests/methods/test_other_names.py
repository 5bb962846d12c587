import re

import pytest

from paretune.methods import method_cards, resolve
from paretune.methods.other_names import OTHER_NAMES
from paretune.spec import InputError, MethodEntry


def test_no_other_name_hides_a_method() -> None:
    assert not OTHER_NAMES.keys() & {card.name for card in method_cards()}


@pytest.mark.parametrize("name", ["qlora", "QLoRA", "use_dora", "full-finetuning", "dpo"])
def test_what_people_look_for_is_answered_and_not_guessed_at(name: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(MethodEntry(name=name))
    message = str(caught.value)
    assert message.startswith(f'unknown method "{name}": ')
    assert "did you mean" not in message


def test_methods_that_it_names_exist() -> None:
    for text in OTHER_NAMES.values():
        for name in re.findall(r'"([a-z]+)"(?! under)', text):
            resolve(MethodEntry(name=name))


def test_qlora_says_how_it_is_had() -> None:
    assert 'quantisation = "nf4"' in OTHER_NAMES["qlora"]
    assert "qalora" not in OTHER_NAMES["qlora"]
