"""Made-up answers whose true accuracies are known, to try statistics on."""

from collections.abc import Sequence

import numpy as np

from paretune.analysis.scores import FloatArray, Scores

_DIFFICULTY_SPREAD, _TASTE_SPREAD = 1.2, 0.5


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


def as_scores(values: FloatArray, seed_free: frozenset[str] = frozenset()) -> Scores:
    """Return an array of shape (methods, seeds, questions) as scores of methods "m00", "m01" and so on."""
    num_methods, num_seeds, num_questions = values.shape
    methods = tuple(f"m{method:02}" for method in range(num_methods))
    questions = tuple(f"q{place:05}" for place in range(num_questions))
    untouched = tuple(method in seed_free for method in methods)
    return Scores(methods, tuple(range(num_seeds)), questions, values, untouched)
