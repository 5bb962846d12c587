"""Made-up answers whose true accuracies are known, to try statistics on."""

from collections.abc import Sequence

import numpy as np

from paretune.analysis.statistics.scores import FloatArray, Scores

_DIFFICULTY_SPREAD, _TASTE_SPREAD = 1.2, 0.5
_CLUSTERED_DIFFICULTY = 1.0


def simulate_answers(
    accuracies: Sequence[float], num_seeds: int, num_questions: int, seed_spread: float, rng: np.random.Generator
) -> FloatArray:
    """Return answers, 1 right and 0 wrong, float64 of shape (methods, seeds, questions).

    A probit model whose accuracies over all questions and seeds are exactly those given, each strictly between 0 and 1.
    Questions differ in difficulty, and methods in the questions that they find hard. `seed_spread` is the standard
    deviation between seeds on the probit's scale: 0.1 is 2.1 points at an accuracy of 50 %.
    """
    from scipy.special import ndtri

    shape = len(accuracies), num_seeds, num_questions
    scale = (1 + _DIFFICULTY_SPREAD**2 + _TASTE_SPREAD**2 + seed_spread**2) ** 0.5
    level: FloatArray = ndtri(np.asarray(accuracies, dtype=float))[:, None, None] * scale
    level = level + _DIFFICULTY_SPREAD * rng.normal(size=(1, 1, num_questions))
    level = level + _TASTE_SPREAD * rng.normal(size=(shape[0], 1, num_questions))
    level = level + seed_spread * rng.normal(size=(shape[0], num_seeds, 1))
    answers: FloatArray = (level + rng.normal(size=shape) > 0).astype(float)
    return answers


def simulate_clustered(  # noqa: PLR0917
    level: FloatArray,
    kinds: FloatArray,
    num_seeds: int,
    num_questions: int,
    seed_spread: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Return answers, 1 right and 0 wrong, float64 of shape (methods, seeds, questions), in blocks by cluster.

    A logistic model. `level` holds each method's logit, (methods,); `kinds` what each cluster adds to it, of shape
    (methods, clusters); clusters have questions in equal number. Questions differ in difficulty for all methods.
    """
    num_methods, num_clusters = kinds.shape
    by_question = np.repeat(level[:, None] + kinds, num_questions // num_clusters, axis=1)
    by_question = by_question + _CLUSTERED_DIFFICULTY * rng.normal(size=by_question.shape[1])
    logits = by_question[:, None, :] + seed_spread * rng.normal(size=(num_methods, num_seeds, 1))
    answers: FloatArray = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    return answers


def clustered_accuracies(level: FloatArray, kinds: FloatArray, seed_spread: float) -> FloatArray:
    """Return the true accuracies of `simulate_clustered` over all questions and seeds of these clusters, (methods,)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    spread = (_CLUSTERED_DIFFICULTY**2 + seed_spread**2) ** 0.5
    logits = (level[:, None] + kinds)[:, :, None] + spread * nodes
    found: FloatArray = (1 / (1 + np.exp(-logits)) @ (weights / weights.sum())).mean(axis=1)
    return found


def as_scores(values: FloatArray, seed_free: frozenset[str] = frozenset()) -> Scores:
    """Return an array of shape (methods, seeds, questions) as scores of methods "m00", "m01" and so on."""
    num_methods, num_seeds, num_questions = values.shape
    methods = tuple(f"m{method:02}" for method in range(num_methods))
    questions = tuple(f"q{place:05}" for place in range(num_questions))
    untouched = tuple(method in seed_free for method in methods)
    return Scores(methods, tuple(range(num_seeds)), questions, values, untouched)
