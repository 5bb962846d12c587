"""A text encoder of a few thousand parameters with a classification head, built in memory."""

from typing import Any

from paretune.models.progress import without_bars
from paretune.models.toy import seeded, toy_tokenizer

NUM_LABELS = 3


def toy_encoder() -> Any:
    """Return a BERT of two layers that sorts texts of the toy tokenizer into three classes, in float32.

    It has the same initial weights every time, wide enough for attention to be selective, and no dropout. The
    generators of the caller are left as they were.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = toy_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=NUM_LABELS,
        initializer_range=0.1,
        attn_implementation="sdpa",
        dtype="float32",
        architectures=["BertForSequenceClassification"],
    )
    with seeded(), without_bars():
        model = BertForSequenceClassification(config).eval()
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):  # zero in a new model, but in no trained one
                torch.nn.init.normal_(parameter, std=0.1)
    return model
