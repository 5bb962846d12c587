import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import InputError, Study
from paretune.spec.study_file import study_toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(options=st.dictionaries(TEXTS, VALUES, max_size=3), description=TEXTS, rate=st.floats(1e-9, 1))
def test_any_study_is_read_back_as_it_was(options: dict[str, object], description: str, rate: float) -> None:
    study = Study.read(
        {
            "name": "x",
            "description": description,
            "tasks": ["word_problems", {"name": "own_data", "options": options}],
            "methods": ["base", {"name": "lora", "learning_rate": rate, "parameters": options}],
            "seeds": [0, 1, 2],
            "recipe": {"epochs": 2.5, "max_grad_norm": math.inf},
            "tuning": {"rates": 3, "recipe": {"steps": 4}},
            "general_text": {"source": description or "a.txt"},
            "skills": ["gsm8k", {"name": "own_data", "options": options, "num_questions": 7}],
            "time_limit_seconds": 10,
        },
        "x",
    )
    assert Study.read(tomllib.loads(study_toml(study)), "x") == study


def test_the_file_shows_what_a_reader_changes_first() -> None:
    text = study_toml(Study.read({"name": "x", "methods": ["base", "lora"]}, "x"))
    assert 'methods = ["base", "lora"]' in text
    assert 'tasks = ["word_problems"]' in text
    assert tomllib.loads(text)["recipe"] == {"steps": 40, "batch_size": 8, "max_length": 512}


def test_a_null_cannot_be_written() -> None:
    study = Study.read({"name": "x", "methods": ["base"], "tasks": [{"name": "a", "options": {"b": None}}]}, "x")
    with pytest.raises(InputError, match="None cannot be written as TOML"):
        study_toml(study)
