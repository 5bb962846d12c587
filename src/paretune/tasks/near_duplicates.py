"""Texts that say nearly the same, so that they can be kept on one side of a split."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

_WORDS_TOGETHER = 3
_SHARED = 0.5
_MOST_TEXTS = 50
"""Words that more texts than this have in common are a phrase of the language, and no sign of a copy."""


def near_duplicates(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of texts, by their places, that share at least half of their sequences of three words.

    The share is that of Jaccard: of all sequences that either has. A text of fewer words is one sequence.
    """
    sequences = [_sequences(text) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = {}
    for place, found in enumerate(sequences):
        for words in found:
            holders.setdefault(words, []).append(place)
    few = (places for places in holders.values() if len(places) <= _MOST_TEXTS)
    candidates = {pair for places in few for pair in combinations(places, 2)}
    for one, other in sorted(candidates):
        first, second = sequences[one], sequences[other]
        if len(first & second) >= _SHARED * len(first | second):
            yield one, other


def _sequences(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    last = len(words) - _WORDS_TOGETHER + 1
    return {tuple(words[start : start + _WORDS_TOGETHER]) for start in range(last)} or {tuple(words)}
