"""Token ids, labels and loss are those of TRL's SFTTrainer with assistant-only loss, batch for batch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.engine import Batches, answer_loss, encode
from paretune.models import load_model
from paretune.tasks import Example, Message

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "assets" / "trl_sft" / "batches.json").read_text(encoding="utf-8")
)
MARKED: str = RECORDED["chat_template"]
UNMARKED = MARKED.replace("{% generation %}", "").replace("{% endgeneration %}\n", "")
"""A line break after a mark is no part of the text."""


def conversation(messages: list[dict[str, str]]) -> Example:
    turns = tuple(Message(one["role"], one["content"]) for one in messages)
    return Example("row 1", "", turns[-1].content, turns[-1].content, "all", None, turns)


@pytest.mark.parametrize("template", [MARKED, UNMARKED], ids=["with generation marks", "without"])
@pytest.mark.parametrize("recorded", RECORDED["batches"], ids=["first", "second"])
def test_a_batch_is_that_of_trl(template: str, recorded: dict[str, Any]) -> None:
    loaded = load_model("toy:llama")
    model, tokenizer = loaded.model, loaded.tokenizer
    tokenizer.chat_template = template
    encoded = [encode(conversation(messages), tokenizer) for messages in recorded["messages"]]
    wanted = torch.tensor(recorded["input_ids"])
    batches = Batches(encoded, len(encoded), tokenizer.pad_token_id, seed=0, one_pass=True)
    (batch,) = batches
    order = [recorded["input_ids"].index(row) for row in batch.input_ids.tolist()]
    assert sorted(order) == list(range(len(encoded)))
    assert torch.equal(batch.input_ids, wanted[order])
    assert torch.equal(batch.attention_mask, torch.tensor(recorded["attention_mask"])[order])
    labels = batch.input_ids.masked_fill(~batch.answer_mask, -100)
    assert torch.equal(labels, torch.tensor(recorded["labels"])[order])
    loss = answer_loss(model, batch).item() / batch.num_terms
    assert loss == pytest.approx(recorded["loss"], rel=1e-6)
