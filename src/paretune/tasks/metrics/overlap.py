"""Metrics of translation and summaries, computed by the libraries that publications use."""

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from paretune.spec import Metric, Unit
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.base import Example
from paretune.tasks.metrics.base import TextMetric

_INSTALLED = 'pip install "paretune[metrics]"'
_NUM_ORDERS = 4


class RougeL(TextMetric):
    """ROUGE-L of rouge-score: the longest common subsequence of words."""

    metrics = (
        Metric(
            name="rouge_l",
            label="ROUGE-L",
            unit=Unit.FRACTION,
            definition="F-measure of the longest common subsequence of words of answer and reference (ROUGE-L of "
            "rouge-score, no stemmer), mean over questions.",
        ),
    )
    needs: ClassVar = {"rouge_score": _INSTALLED}
    reference: ClassVar[str] = "text with Latin letters or digits, since ROUGE sees no others"

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the F-measure."""
        return {"rouge_l": float(self._scorer.score(example.target, text)["rougeL"].fmeasure)}

    def takes(self, example: Example) -> bool:
        """Tell whether there is something that ROUGE sees."""
        return self.score(example.target, example)["rouge_l"] == 1

    @cached_property
    def _scorer(self) -> Any:
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer(["rougeL"])


class ChrF(TextMetric):
    """ChrF of sacrebleu: n-grams of characters."""

    metrics = (
        Metric(
            name="chrf",
            label="chrF",
            low=0,
            high=100,
            definition="chrF of each answer (sacrebleu's sentence chrF: n-grams of up to 6 characters, beta 2), 0 to "
            "100, mean over questions.",
        ),
    )
    needs: ClassVar = {"sacrebleu": _INSTALLED}

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the sentence's value, cut at the bounds that rounding may pass."""
        value = self._scorer.sentence_score(text, [example.target]).score
        return {"chrf": self.metrics[0].within(float(value))}

    @cached_property
    def _scorer(self) -> Any:
        from sacrebleu.metrics.chrf import CHRF

        return CHRF()


class Bleu(TextMetric):
    """BLEU of sacrebleu over all answers together."""

    metrics = (
        Metric(
            name="bleu",
            label="BLEU",
            low=0,
            high=100,
            per="corpus",
            definition="BLEU of all answers together (sacrebleu's corpus BLEU: tokenizer 13a, n-grams of up to 4 "
            "words, exponential smoothing), 0 to 100.",
        ),
    )
    needs: ClassVar = {"sacrebleu": _INSTALLED}

    def score(self, text: str, example: Example) -> dict[str, float]:  # noqa: ARG002
        """Return nothing: BLEU is of all answers."""
        return {}

    @cached_property
    def corpus_metrics(self) -> dict[str, CorpusMetric]:  # type: ignore[override]
        """Counts of each answer, and BLEU of their sums."""
        return {"bleu": CorpusMetric(self._counts, self._value)}

    def _counts(self, text: str, example: Example) -> Hashable:
        """Return lengths of answer and reference, and n-grams that match and that there are, for each order."""
        found = self._scorer.sentence_score(text, [example.target])
        return (found.sys_len, found.ref_len, *found.counts, *found.totals)

    def _value(self, counts: Sequence[Any]) -> float:
        lengths_and_counts = np.array(counts, dtype=np.int64).sum(axis=0).tolist()
        said, due, *rest = lengths_and_counts
        return float(
            self._scorer.compute_bleu(rest[:_NUM_ORDERS], rest[_NUM_ORDERS:], said, due, smooth_method="exp").score
        )

    @cached_property
    def _scorer(self) -> Any:
        from sacrebleu.metrics.bleu import BLEU

        return BLEU(effective_order=True)  # of the sentence alone, which is not read
