"""The baseline on words: learns, chooses C on validation texts, and says so."""

import pytest

from paretune.methods import build, resolve
from paretune.methods.hooks.tfidf import WordClassifier
from paretune.methods.text_learner import LabelledTexts
from paretune.spec import InputError, MethodEntry

pytest.importorskip("sklearn")

GOOD, BAD = "a lovely, moving film", "a dull, endless film"
TRAIN = LabelledTexts([f"{GOOD} {place}" for place in range(8)] + [f"{BAD} {place}" for place in range(8)],
                      ["positive"] * 8 + ["negative"] * 8)  # fmt: skip


def test_words_tell_labels_apart() -> None:
    classifier = WordClassifier()
    said = classifier.learn(TRAIN, LabelledTexts([GOOD, BAD], ["positive", "negative"]))
    assert said == "C = 1000, chosen from 6 by the loss on 2 validation texts"
    labels = ("neutral", "negative", "positive")
    good, bad = classifier.probabilities(["how lovely", "so dull"], labels)
    assert good[0] == bad[0] == 0
    assert good[2] > 0.9 > good[1]
    assert bad[1] > 0.9 > bad[2]
    assert sum(good) == pytest.approx(1)


def test_c_is_chosen_on_validation_texts() -> None:
    """Where validation labels contradict the words, the strongest regularisation loses least."""
    classifier = WordClassifier()
    said = classifier.learn(TRAIN, LabelledTexts([GOOD, BAD], ["negative", "positive"]))
    assert said.startswith("C = 0.01,")


def test_the_same_texts_give_the_same_labels() -> None:
    validation = LabelledTexts([GOOD, BAD], ["positive", "negative"])
    found = []
    for _ in range(2):
        classifier = WordClassifier()
        classifier.learn(TRAIN, validation)
        found.append(classifier.probabilities([GOOD, "film"], ("negative", "positive")))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("train", "line"),
    [
        (LabelledTexts(["one", "two"], ["a", "a"]), "all training examples have the same label"),
        (LabelledTexts(["!", "?"], ["a", "b"]), "no words of two letters or more"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused(train: LabelledTexts, line: str) -> None:
    with pytest.raises(InputError, match=line):
        WordClassifier().learn(train, train)


def test_it_trains_no_base_model() -> None:
    spec = resolve(MethodEntry(name="tfidf"))
    assert not spec.trains
    assert build(spec).text_learner() is not None
    assert build(resolve(MethodEntry(name="base"))).text_learner() is None
