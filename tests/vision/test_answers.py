"""Answers and losses in a batch are those alone, for every class, with pictures and prompts of different sizes."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from paretune.engine import answer, answer_loss
from paretune.engine.pictured import Pictured, encode_pictured, picture_question, pictured_batch
from paretune.kinds import kind_named
from paretune.methods import build, resolve
from paretune.models import load_model
from paretune.spec import IMAGE_TEXT, MethodEntry, Recipe
from paretune.tasks import Example, get_any_task
from tests.vision.toys import TOYS

METHODS = ("lora", "oft", "ia3", "prefix-tuning", "full")


def examples() -> list[Example]:
    """Return examples whose prompts and pictures differ in size."""
    task: Any = get_any_task("visual_questions", {"train_size": 6, "validation_size": 1, "test_size": 2})
    return [_resized(one, 40 + 24 * place) for place, one in enumerate(task.examples("train")[:4])]


def _resized(one: Example, height: int) -> Example:
    from PIL import Image

    sink = io.BytesIO()
    Image.open(io.BytesIO(one.picture or b"")).resize((64, height)).save(sink, "PNG")
    return one._replace(picture=sink.getvalue())


def trained(reference: str, name: str) -> tuple[Any, Any, nn.Module]:
    """Return a method with its model and tokenizer, its parameters as if they had been trained."""
    loaded = load_model(reference, sees=True)
    method = build(resolve(MethodEntry(name=name)))
    context = kind_named(IMAGE_TEXT).context(Recipe(), 1e-3, 0, loaded.tokenizer)
    torch.manual_seed(0)
    model = method.wrap(loaded.model, context)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))
    return method, loaded.tokenizer, model


def answers(model: nn.Module, tokenizer: Any, prompts: list[Pictured], batch_size: int) -> list[str]:
    return answer(model, tokenizer, prompts, batch_size=batch_size, max_new_tokens=8, min_new_tokens=8)


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("method_name", METHODS)
def test_answers_and_losses_are_the_same_alone_and_after_reloading(
    toy: Callable[[str], str], name: str, method_name: str, tmp_path: Path
) -> None:
    method, tokenizer, model = trained(toy(name), method_name)
    prompts = [picture_question(one, tokenizer) for one in examples()]
    rows = [encode_pictured(one, tokenizer) for one in examples()]
    assert len({row.num_tokens for row in rows}) > 1
    together = answers(model, tokenizer, prompts, 4)
    assert together == answers(model, tokenizer, prompts, 1)
    losses = [_loss(model, tokenizer, [row]) for row in rows]
    assert len(set(losses)) == len(losses)
    assert _loss(model, tokenizer, rows) == pytest.approx(sum(losses), rel=1e-5)
    method.save(model, tmp_path / "saved")
    again = build(method.spec).load(load_model(toy(name), sees=True).model, tmp_path / "saved")
    assert [_loss(again, tokenizer, [row]) for row in rows] == pytest.approx(losses, rel=1e-5)
    assert answers(again, tokenizer, prompts, 4) == together


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("method_name", ["lora", "prefix-tuning"])
def test_what_is_generated_is_what_the_loss_finds_likeliest(
    toy: Callable[[str], str], name: str, method_name: str
) -> None:
    _, tokenizer, model = trained(toy(name), method_name)
    question = picture_question(examples()[0], tokenizer)
    text = answers(model, tokenizer, [question], 1)[0]
    first = tokenizer(text, add_special_tokens=False)["input_ids"][:1]
    row = encode_pictured(examples()[0], tokenizer)
    model.eval()
    batch = pictured_batch([row], tokenizer.pad_token_id)
    with torch.no_grad():
        logits = model(**batch.inputs, use_cache=False).logits[0]
    assert logits[question.num_tokens - 1].argmax().item() == first[0]


@pytest.mark.parametrize("name", TOYS)
def test_another_picture_is_another_loss(toy: Callable[[str], str], name: str) -> None:
    loaded = load_model(toy(name), sees=True)
    first, second = examples()[:2]
    seen, other = (encode_pictured(first._replace(picture=one.picture), loaded.tokenizer) for one in (first, second))
    assert _loss(loaded.model, loaded.tokenizer, [seen]) != _loss(loaded.model, loaded.tokenizer, [other])


def _loss(model: nn.Module, tokenizer: Any, rows: list[Pictured]) -> float:
    model.eval()
    with torch.no_grad():
        return answer_loss(model, pictured_batch(rows, tokenizer.pad_token_id)).item()
