"""A linear classifier on words: what a task of labels is worth without a base model."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from paretune.methods.hooks.base_model import BaseModel
from paretune.methods.text_learner import LabelledTexts, TextLearner
from paretune.spec import CLASSIFIER, InputError, ModelKind

_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Values of C, the inverse of the regularisation."""
_ITERATIONS = 1000
_LEAST_PROBABILITY = 1e-12


class TfIdf(BaseModel):
    """Trains no base model: logistic regression on TF-IDF values of single words and pairs of words.

    C is chosen on the validation split by the loss that methods are chosen by. It sees the examples that they see.
    """

    own_parameters: ClassVar[dict[str, Any]] = {}
    model_kinds: ClassVar[frozenset[ModelKind] | None] = frozenset({CLASSIFIER})

    def text_learner(self) -> TextLearner:
        """Return the classifier on words."""
        return WordClassifier()


class WordClassifier(TextLearner):
    """Logistic regression on the TF-IDF values of words and pairs of words, as scikit-learn computes them."""

    def learn(self, train: LabelledTexts, validation: LabelledTexts) -> str:
        """Learn with each C, and keep the one with the least loss on the validation texts; the smallest where tied."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        if len(set(train.labels)) < 2:
            raise InputError(
                'method "tfidf": all training examples have the same label: there is nothing to tell apart'
            )
        self._words = TfidfVectorizer(ngram_range=(1, 2))
        try:
            values = self._words.fit_transform(train.texts)
        except ValueError:  # scikit-learn: empty vocabulary
            raise InputError('method "tfidf": the training examples hold no words of two letters or more') from None
        fitted = [
            (strength, LogisticRegression(C=strength, max_iter=_ITERATIONS).fit(values, train.labels))
            for strength in _STRENGTHS
        ]
        checked = self._words.transform(validation.texts)
        strength, self._classifier = min(fitted, key=lambda one: _loss(one[1], checked, validation.labels))
        return (
            f"C = {strength:g}, chosen from {len(_STRENGTHS)} by the loss on {len(validation.texts)} validation texts"
        )

    def probabilities(self, texts: Sequence[str], labels: Sequence[str]) -> list[list[float]]:
        """Return them as the classifier gives them."""
        places = {label: place for place, label in enumerate(self._classifier.classes_)}
        found = self._classifier.predict_proba(self._words.transform(texts)).tolist()
        return [[row[places[label]] if label in places else 0.0 for label in labels] for row in found]


def _loss(classifier: Any, values: Any, labels: Sequence[str]) -> float:
    """Return the negative log-likelihood of the right labels, summed. A label that training lacks counts the most."""
    places = {label: place for place, label in enumerate(classifier.classes_)}
    likely = classifier.predict_proba(values)
    right = (row[places[label]] if label in places else 0.0 for row, label in zip(likely, labels, strict=True))
    return -sum(math.log(max(_LEAST_PROBABILITY, probability)) for probability in right)
