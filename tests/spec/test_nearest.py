import pytest

from paretune.spec import nearest


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("lroa", ["loha", "lora", "lokr"], "lora"),
        ("lro", ["lokr", "loha", "lora", "road"], "lora"),
        ("q_prj", ["k_proj", "q_proj", "o_proj"], "q_proj"),
        ("rank", ["rank_pattern", "r", "lora_alpha"], "r"),
        ("alpha", ["alpha_pattern", "lora_alpha"], "lora_alpha"),
        ("dropout", ["r", "lora_dropout"], "lora_dropout"),
        ("lr", ["label", "learning_rate"], "learning_rate"),
        ("word_problem", ["own_data", "word_problems"], "word_problems"),
    ],
)
def test_the_nearest_name(name: str, known: list[str], wanted: str) -> None:
    assert nearest(name, known) == f' (did you mean "{wanted}"?)'


def test_nothing_near_is_no_suggestion() -> None:
    assert nearest("zzzzzz", ["lora", "oft"]) == ""
    assert nearest("lora", []) == ""
