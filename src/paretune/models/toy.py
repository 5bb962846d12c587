"""Models of a few thousand parameters, built in memory: they run everything and know nothing."""

import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paretune.models.progress import without_bars
from paretune.models.reference import TIED_TOY, TOY_ENCODER, TOY_IMAGE_TEXT, Reference

_PAD, _EOS, _BOS, _UNKNOWN = "<pad>", "<eos>", "<bos>", "<unk>"
_SPECIAL = (_PAD, _EOS, _BOS, _UNKNOWN)
_CHARACTERS = "\n" + "".join(character for character in string.printable if character.isprintable())
_MAX_POSITIONS = 1024
_SEED = 0

NOTE = "a tiny model with random weights, for trying things out: its answers mean nothing"


def toy_model(spread: float = 0.02, *, tied: bool = False) -> Any:
    """Return a Llama of two layers in float32, with the same initial weights every time.

    `spread` is the standard deviation of its weights. The usual one makes attention look at all tokens nearly equally;
    with 0.1 it is selective, as in a trained model. `tied` makes input and output embeddings one matrix. The generators
    of the caller are left as they were.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(_SPECIAL) + len(_CHARACTERS),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=_MAX_POSITIONS,
        pad_token_id=_SPECIAL.index(_PAD),
        eos_token_id=_SPECIAL.index(_EOS),
        bos_token_id=_SPECIAL.index(_BOS),
        initializer_range=spread,
        tie_word_embeddings=tied,
        attn_implementation="sdpa",
        dtype="float32",
    )
    with seeded(), without_bars():
        return LlamaForCausalLM(config)


def toy_of(parsed: Reference) -> Any:
    """Return the toy that a reference names; an encoder comes with a head of three classes."""
    if parsed.name == TOY_IMAGE_TEXT:
        from paretune.models.toy_idefics3 import toy_idefics3

        return toy_idefics3()
    if parsed.name == TOY_ENCODER:
        from paretune.models.toy_encoder import toy_encoder

        return toy_encoder()
    return toy_model(tied=parsed.name == TIED_TOY)


def tokenizer_of_toy(parsed: Reference) -> Any:
    """Return the tokenizer of the toy that a reference names; of one that reads images a `PictureTokenizer`."""
    if parsed.name == TOY_IMAGE_TEXT:
        from paretune.models.toy_idefics3 import toy_picture_tokenizer

        return toy_picture_tokenizer()
    return toy_tokenizer()


@contextmanager
def seeded(seed: int = _SEED) -> Iterator[None]:
    """Draw the same random numbers every time, and leave the generators of the caller as they were."""
    import torch

    # Only the CPU's generator is seeded: torch.manual_seed would reach those of the accelerators too.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def toy_tokenizer() -> Any:
    """Return a tokenizer with one token for each printable ASCII character and the line break."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate([*_SPECIAL, *_CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        eos_token=_EOS,
        bos_token=_BOS,
        unk_token=_UNKNOWN,
        model_max_length=_MAX_POSITIONS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
