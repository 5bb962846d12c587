"""From rated sentences to labels and splits: worked out once, then kept in the cache."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.cluster.hierarchy import DisjointSet

from paretune.packages.cache import build_once
from paretune.tasks.base import Split
from paretune.tasks.data.split import digest, normalised
from paretune.tasks.near_duplicates import near_duplicates
from paretune.tasks.rated_sentences import RatedSentence, fetched_sentences
from paretune.tasks.rows import read_rows

_VERSION = 1
"""Part of the cached file's name: goes up whenever the same archive would be read differently."""
_NEEDED_BYTES = 30_000_000
_FILE = "sentences.jsonl"
_TEST_SHARE, _VALIDATION_SHARE = 0.3, 0.15


class LabelledSentence(NamedTuple):
    """One sentence, what most of its raters found, and where it belongs."""

    id: str
    source: str
    text: str
    label: str
    """"positive" or "negative"."""
    cluster: str | None
    """The name of its document and near duplicates; None where it stands for itself."""
    split: Split


def labelled_sentences() -> list[LabelledSentence]:
    """Return all sentences with a label, in the order of their hashes: fetched the first time, then from the cache.

    Raises `InputError` when they cannot be had.
    """

    def build(work: Path, result: Path) -> None:
        lines = (json.dumps(one._asdict()) for one in labelled(fetched_sentences(work)))
        (result / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

    folder = build_once(f"sentiment-{_VERSION}", build, needed_bytes=_NEEDED_BYTES, shelf="data")
    return [LabelledSentence(**row.value) for row in read_rows(folder / _FILE)]


def labelled(rated: Iterable[RatedSentence]) -> list[LabelledSentence]:
    """Return the sentences with a label, one of several that differ in case, spaces and punctuation alone.

    A sentence's split follows from its own text, or from those of its document and its near duplicates; the order
    follows from the text too, so that the first N of a split are a random sample.
    """
    different: dict[str, RatedSentence] = {}
    for one in rated:
        if label_of(one) is not None:
            different.setdefault(normalised(one.text), one)
    hashes = {one.id: digest(text) for text, one in different.items()}
    found = []
    for together in _clusters(list(different.values())):
        split = _split_of(min(hashes[one.id] for one in together))
        cluster = min(one.id for one in together) if len(together) > 1 else None
        found += [
            LabelledSentence(one.id, one.source, one.text, label_of(one) or "", cluster, split) for one in together
        ]
    return sorted(found, key=lambda one: hashes[one.id])


def label_of(sentence: RatedSentence) -> str | None:
    """Return what more than half of the raters said, and None where they said neither."""
    if 2 * sentence.num_positive > sentence.num_ratings:
        return "positive"
    return "negative" if 2 * sentence.num_negative > sentence.num_ratings else None


def _clusters(sentences: Sequence[RatedSentence]) -> list[list[RatedSentence]]:
    """Return the sentences by what belongs together: one document, or nearly the same words."""
    together = DisjointSet(range(len(sentences)))
    first: dict[str, int] = {}
    for place, one in enumerate(sentences):
        if one.document is not None:
            together.merge(place, first.setdefault(one.document, place))
    for place, other in near_duplicates([one.text for one in sentences]):
        together.merge(place, other)
    return [[sentences[place] for place in sorted(subset)] for subset in together.subsets()]


def _split_of(least_hash: int) -> Split:
    """Return the split of a cluster. Its least hash is hashed again: the least of many is small."""
    share = digest(str(least_hash)) / (1 << 64)
    if share < _TEST_SHARE:
        return "test"
    return "validation" if share < _TEST_SHARE + _VALIDATION_SHARE else "train"
