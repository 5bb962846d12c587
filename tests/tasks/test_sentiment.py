"""Sentences with a majority of raters, in splits that follow from their text."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from paretune.spec import CLASSIFIER, InputError
from paretune.tasks import ClassificationTask, get_any_task, rated_sentences
from paretune.tasks.near_duplicates import near_duplicates
from paretune.tasks.rated_sentences import SOURCES, RatedSentence, sentences_in
from paretune.tasks.sentiment_sentences import label_of, labelled
from paretune.testing import LabelledTaskContract

_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"


def rated(
    number: int, text: str, document: str | None = None, *, positive: int = 15, negative: int = 2
) -> RatedSentence:
    return RatedSentence(f"films-{number}", "films", text, document, positive, negative, 20)


def archive(path: Path, members: Mapping[str, bytes]) -> bytes:
    """Write a compressed tar file, and return its bytes."""
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path.read_bytes()


def source_distribution(tmp_path: Path, sentences: Mapping[str, Sequence[tuple[str, str, list[int]]]]) -> Path:
    """Return a source distribution in which each source has these sentences: number, text and ratings."""
    files = {}
    for source, name in SOURCES.items():
        found = sentences.get(source, ())
        truth = "".join(f"{number}\t0.5\t{text}\r\n" for number, text, _ in found)
        ratings = "".join(f"{number}\t0.5\t0.1\t{json.dumps(given)}\r\n" for number, _, given in found)
        files[f"hutto_ICWSM_2014/{name}_GroundTruth.txt"] = truth.encode("utf-8-sig")
        files[f"hutto_ICWSM_2014/{name}_anonDataRatings.txt"] = ratings.encode("utf-8-sig")
    inner = archive(tmp_path / "inner.tar.gz", files)
    archive(tmp_path / "outer.tar.gz", {_INNER: inner})
    return tmp_path / "outer.tar.gz"


def test_sentences_are_read_with_their_ratings(tmp_path: Path) -> None:
    given = {"tweets": [("7", "Q&amp;A  was\tfun", [1, 4, 0, -2])], "products": [("3_12", "it broke .", [-1, -3, 0])]}
    assert list(sentences_in(source_distribution(tmp_path, given))) == [
        RatedSentence("tweets-7", "tweets", "Q&A was fun", None, 2, 1, 4),
        RatedSentence("products-3_12", "products", "it broke .", "products-3", 0, 2, 3),
    ]


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_an_archive_without_them_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    archive(tmp_path / "other.tar.gz", {_INNER: content})
    with pytest.raises(InputError, match=r"other\.tar\.gz: holds no rated sentences"):
        list(sentences_in(tmp_path / "other.tar.gz"))


def test_a_label_is_what_more_than_half_said() -> None:
    assert label_of(rated(1, "", positive=11, negative=9)) == "positive"
    assert label_of(rated(1, "", positive=3, negative=11)) == "negative"
    assert label_of(rated(1, "", positive=10, negative=10)) is None


def test_copies_and_documents_stay_together() -> None:
    one = [
        rated(1, "A fine film about the sea, and one of the best this year."),
        rated(2, "a FINE film about the sea - and one of the best this year!"),
        rated(3, "A fine film about the sea, and one of the best of this year."),
        rated(4, "Nothing to do with it.", "films-x"),
        rated(5, "Nor has this.", "films-x"),
        rated(6, "Half liked it.", positive=10, negative=10),
    ]
    found = {sentence.id: sentence for sentence in labelled(one)}
    assert sorted(found) == ["films-1", "films-3", "films-4", "films-5"]
    assert found["films-1"].cluster == found["films-3"].cluster == "films-1"
    assert found["films-1"].split == found["films-3"].split
    assert found["films-4"].cluster == found["films-5"].cluster == "films-4"
    assert found["films-4"].split == found["films-5"].split


def test_other_sentences_move_none() -> None:
    words = ["sea", "sun", "sky", "fog", "ice", "oak", "elm", "ash", "fir", "yew"]
    many = [rated(place, f"{one} {two} {one}{two}.") for place, (one, two) in
            enumerate((one, two) for one in words for two in words)]  # fmt: skip
    every, some = labelled(many), labelled(many[::3])
    kept = {sentence.id for sentence in some}
    assert [sentence for sentence in every if sentence.id in kept] == some
    counts = {split: sum(one.split == split for one in every) for split in ("train", "validation", "test")}
    assert counts["train"] > counts["test"] > counts["validation"] > 0


def test_near_duplicates_share_half_of_their_words_in_threes() -> None:
    texts = ["one two three four five", "One, two three four six!", "one two three seven eight", "Good.", "good", ""]
    assert list(near_duplicates(texts)) == [(0, 1), (3, 4)]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClassificationTask:
    """Return the task with made-up sentences of two sources."""
    many = [
        rated(number, f"{source} {number} {number * 7}.", positive=number % 20, negative=20 - number % 20)
        for source in ("films", "tweets")
        for number in range(200)
    ]
    many = [one._replace(id=one.text, source=one.text.split()[0]) for one in many]
    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("paretune.tasks.sentiment_sentences.fetched_sentences", lambda folder: many)
    found = get_any_task("sentiment", {"train_size": 60, "validation_size": 20, "test_size": 40})
    assert isinstance(found, ClassificationTask)
    return found


@pytest.mark.usefixtures("task")
class TestSentiment(LabelledTaskContract):
    """What every task of labels promises."""

    task = "sentiment"
    options: Mapping[str, Any] = {"train_size": 60, "validation_size": 20, "test_size": 40}
    wrong_options: ClassVar[dict[str, Any]] = {"sources": ["poems"], "test_size": 100_000, "train_size": 0}


def test_sizes_and_groups(task: ClassificationTask) -> None:
    sizes = [len(task.examples(split)) for split in ("train", "validation", "test")]
    assert sizes == [60, 20, 40]
    assert {one.group for one in task.examples("test")} == {"films", "tweets"}
    assert task.kind == CLASSIFIER


def test_a_size_takes_the_first_of_a_split(task: ClassificationTask) -> None:
    fewer = get_any_task("sentiment", {**task.options, "test_size": 10})
    assert fewer.examples("test") == task.examples("test")[:10]  # type: ignore[attr-defined]
    films = get_any_task("sentiment", {"sources": ["films"], "train_size": 20, "validation_size": 5, "test_size": 5})
    assert {one.group for one in films.examples("train")} == {"films"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"test_size": 100_000}, "option test_size is 100000, and the test split has"),
        ({"test_size": 0}, "option test_size must be a whole number of at least 1, got 0"),
        ({"sources": ["films", "poems"]}, "option sources must be a list of one or more of films, tweets"),
        ({"sources": [["films"]]}, "option sources must be a list"),
        ({"sources": ["films", "films"]}, "none twice"),
        ({"size": 1}, 'unknown option "size"'),
    ],
)
def test_unusable_options_are_one_line(task: ClassificationTask, options: dict[str, object], line: str) -> None:
    with pytest.raises(InputError) as refusal:
        get_any_task("sentiment", {**task.options, **options}).spec()
    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.network
def test_the_real_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "cache"))
    found = get_any_task("sentiment")
    assert found.content_hash == "0dbc5f216fc3b424"
    assert len(list((tmp_path / "cache" / "data").glob("sentiment-*/sentences.jsonl"))) == 1
    assert rated_sentences.SOURCES.keys() == {one.group for one in found.examples("test")}  # type: ignore[attr-defined]
