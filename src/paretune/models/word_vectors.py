"""Words as fixed vectors: the whole text encoder of the small image model.

The vector of a word follows from its letters alone, so that there is no table to train, to fetch or to keep, and a word
that no training ever saw has a vector of its own too. The model learns what the vectors of its captions stand for.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from paretune.spec import InputError

MAX_WORDS = 8
"""Words of a caption. Shorter captions are filled up with vectors of zeros."""
WIDTH = 64
"""Numbers in a word's vector."""


def word_vectors(captions: Sequence[str]) -> Tensor:
    """Return captions as float32 of shape (captions, MAX_WORDS, WIDTH). The empty caption is all zeros.

    Raises `InputError` for a caption of more words.
    """
    vectors = torch.zeros(len(captions), MAX_WORDS, WIDTH)
    for row, caption in enumerate(captions):
        words = caption.lower().split()
        if len(words) > MAX_WORDS:
            raise InputError(
                f'caption "{caption}": {len(words)} words; the small image model reads at most {MAX_WORDS}: shorten it'
            )
        for position, word in enumerate(words):
            vectors[row, position] = _vector(word)
    return vectors


def _vector(word: str) -> Tensor:
    """Return bytes of a hash as numbers of mean 0 and variance 1, the same on every machine."""
    digest = hashlib.shake_256(word.encode()).digest(WIDTH)
    return (torch.tensor(list(digest), dtype=torch.float32) - 127.5) / 73.9
