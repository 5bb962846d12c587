"""What a model is called with is what its processor gives, and batches can be shared by rows."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from PIL import Image

from paretune.engine import pictured
from paretune.engine.pictured import MadeAnew, encode_each, encode_pictured, picture_question, pictured_batch
from paretune.models import tokenizer_of
from paretune.spec import InputError
from paretune.tasks import Example
from tests.vision.test_answers import examples
from tests.vision.toys import TOYS

NO_TEMPLATE = "paligemma"


def opened(example: Example) -> Any:
    return Image.open(io.BytesIO(example.picture or b"")).convert("RGB")


@pytest.mark.parametrize("name", TOYS)
def test_a_batch_of_questions_is_the_processor_s_own(toy: Callable[[str], str], name: str) -> None:
    tokenizer = tokenizer_of(toy(name), sees=True)
    asked = examples()
    rows = [picture_question(one, tokenizer) for one in asked]
    found = pictured_batch(rows, tokenizer.pad_token_id, left=True).inputs
    texts = [_text(one, tokenizer) for one in asked]
    nested = [[opened(one)] for one in asked]
    expected = tokenizer.processor(images=nested, text=texts, padding=True, return_tensors="np")
    expected.pop("labels", None)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], torch.from_numpy(value)), key


def _text(example: Example, tokenizer: Any) -> str:
    question = example.messages[0].content
    if tokenizer.chat_template is None:
        return f"<image>{example.prompt}"
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    text: str = tokenizer.processor.apply_chat_template([turn], add_generation_prompt=True)
    return text


@pytest.mark.parametrize("name", TOYS)
def test_the_loss_is_on_the_answer_and_its_end_alone(toy: Callable[[str], str], name: str) -> None:
    tokenizer = tokenizer_of(toy(name), sees=True)
    for example in examples():
        row, question = encode_pictured(example, tokenizer), picture_question(example, tokenizer)
        prompt, answer = row.encoded.segments
        assert (prompt.trained, answer.trained) == (False, True)
        assert prompt.ids == question.encoded.segments[0].ids
        assert tokenizer.decode(answer.ids) == f"{example.completion if name == NO_TEMPLATE else example.target}<eos>"


def test_a_processor_that_takes_a_suffix_says_the_same_of_the_answer(toy: Callable[[str], str]) -> None:
    tokenizer = tokenizer_of(toy(NO_TEMPLATE), sees=True)
    example = examples()[0]
    text, suffix = f"<image>{example.prompt}", [example.completion]
    expected = tokenizer.processor(images=[opened(example)], text=[text], suffix=suffix, return_tensors="np")
    found = pictured_batch([encode_pictured(example, tokenizer)], tokenizer.pad_token_id).inputs
    for key in ("input_ids", "token_type_ids", "attention_mask"):
        assert torch.equal(found[key], torch.from_numpy(expected[key])), key


@pytest.mark.parametrize("name", TOYS)
def test_rows_of_a_batch_are_a_batch(toy: Callable[[str], str], name: str) -> None:
    tokenizer = tokenizer_of(toy(name), sees=True)
    rows = [encode_pictured(one, tokenizer) for one in examples()]
    whole = pictured_batch(rows, tokenizer.pad_token_id)
    shares = [type(whole)(*(tensor[first::2] for tensor in whole)) for first in (0, 1)]
    assert sum(share.num_terms for share in shares) == whole.num_terms
    for first, share in enumerate(shares):
        alone = pictured_batch(rows[first::2], tokenizer.pad_token_id).inputs
        for key, value in share.inputs.items():
            cut = value[:, : alone[key].shape[1]] if value.shape != alone[key].shape else value
            assert torch.equal(cut, alone[key]), key


def test_what_cannot_be_shown_is_refused_by_its_name(toy: Callable[[str], str]) -> None:
    tokenizer = tokenizer_of(toy("llava"), sees=True)
    example = examples()[0]
    with pytest.raises(InputError, match=f"{example.id}: no picture"):
        picture_question(example._replace(picture=None), tokenizer)
    with pytest.raises(InputError, match=f"picture {example.id} cannot be read"):
        picture_question(example._replace(picture=b"no picture"), tokenizer)


@pytest.mark.parametrize("name", ["llava", "qwen"])
def test_images_that_take_too_much_memory_are_made_anew_for_each_batch(
    toy: Callable[[str], str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizer_of(toy(name), sees=True)
    encoded = partial(encode_pictured, tokenizer=tokenizer)
    kept = encode_each(examples(), encoded)
    monkeypatch.setattr(pictured, "_KEPT_BYTES", sum(values.nbytes for values in kept[0].pictures.values()))
    rows = encode_each(examples(), encoded)
    assert [isinstance(row.pictures, MadeAnew) for row in rows] == [False, True, True, True]
    assert [dict(row.pictures).keys() for row in rows] == [row.pictures.keys() for row in kept]
    for _ in range(2):
        found, expected = (pictured_batch(some, tokenizer.pad_token_id) for some in (rows, kept))
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
