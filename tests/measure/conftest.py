from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY_SIZE = 97


class LetterTokenizer:
    """One token a character, so that a test knows every token."""

    def __call__(self, text: str, *, verbose: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) % VOCABULARY_SIZE for letter in text]}


@pytest.fixture
def tiny_llama() -> Any:
    """Return a function that builds the same small Llama each time, in training mode."""

    def build() -> Any:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=512,
        )
        return LlamaForCausalLM(config).train()

    return build


@pytest.fixture
def tokenizer() -> LetterTokenizer:
    return LetterTokenizer()
