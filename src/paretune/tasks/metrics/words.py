"""Metrics of words: the same text, a text that contains the reference, and words in common."""

import re
import string
import unicodedata
from collections import Counter
from typing import ClassVar

from paretune.spec import METRICS, Metric, Unit
from paretune.tasks.base import Example, Score
from paretune.tasks.metrics.base import TextMetric
from paretune.tasks.readers import as_compared, is_answer

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class ExactMatch(TextMetric):
    """Right: the same text, case and white space aside."""

    metrics = (METRICS["accuracy"], METRICS["accuracy_lenient"])

    def score(self, text: str, example: Example) -> Score:
        """Strict: the whole text. Lenient: the text begins with the answer, or its last number is the answer."""
        return Score(*is_answer(text, example.target))


class Contains(TextMetric):
    """Right: the reference stands somewhere in the answer, in whole words."""

    metrics = (
        Metric(
            name="contains",
            label="Contains",
            unit=Unit.FRACTION,
            definition="Share of answers that contain the reference in whole words, apart from case and white space.",
        ),
    )

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return 1 or 0."""
        return {"contains": float(contains(as_compared(text), as_compared(example.target)))}


class TokenF1(TextMetric):
    """Words in common with the reference, as SQuAD counts them."""

    metrics = (
        Metric(
            name="f1",
            label="F1",
            unit=Unit.FRACTION,
            definition="F1 of the words that answer and reference share, apart from case, punctuation and the articles "
            "a, an and the, as in SQuAD; mean over questions.",
        ),
    )
    reference: ClassVar[str] = "text with more than punctuation and articles"

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the F1."""
        return {"f1": token_f1(text, example.target)}

    def takes(self, example: Example) -> bool:
        """Tell whether there is a word."""
        return bool(squad_words(example.target))


def contains(text: str, part: str) -> bool:
    """Tell whether a text contains a part that no letter or digit continues on either side.

    Scripts that write no spaces between words, such as Chinese, have no such sides.
    """
    start = text.find(part)
    while start >= 0:
        end = start + len(part)
        before, after = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
        if not (start > 0 and _continues(before)) and not _continues(after):
            return True
        start = text.find(part, start + 1)
    return False


def _continues(pair: str) -> bool:
    """Tell whether two letters or digits stand in one word."""
    return len(pair) == 2 and pair.isalnum() and not any(unicodedata.east_asian_width(one) in "WF" for one in pair)


def squad_words(text: str) -> list[str]:
    """Return the words of a text as SQuAD's evaluation script compares them (Rajpurkar et al. 2016, 1606.05250)."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def token_f1(text: str, reference: str) -> float:
    """Return the F1 of the words of a text, as SQuAD's evaluation script computes it: 1 where neither has a word."""
    said, due = squad_words(text), squad_words(reference)
    if not said or not due:
        return float(said == due)
    shared = sum((Counter(said) & Counter(due)).values())
    return 2 * shared / (len(said) + len(due))
