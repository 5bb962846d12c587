"""Made-up answers whose true accuracies are known."""

import numpy as np
from scipy.special import ndtri

from paretune.analysis.scores import FloatArray, Scores, make_scores


def simulate(
    accuracies: list[float], num_seeds: int, num_questions: int, seed_spread: float, rng: np.random.Generator
) -> FloatArray:
    """Return answers, 1 or 0, of shape (methods, seeds, questions), from a probit model whose accuracies are exact.

    Questions differ in difficulty, methods in which questions they find hard; `seed_spread` is on the probit's scale.
    """
    shape = len(accuracies), num_seeds, num_questions
    scale = (1 + 1.2**2 + 0.5**2 + seed_spread**2) ** 0.5
    level = ndtri(np.array(accuracies))[:, None, None] * scale
    level = level + 1.2 * rng.normal(size=(1, 1, num_questions)) + 0.5 * rng.normal(size=(shape[0], 1, num_questions))
    level = level + seed_spread * rng.normal(size=(shape[0], num_seeds, 1))
    answers: FloatArray = (level + rng.normal(size=shape) > 0).astype(float)
    return answers


def as_scores(values: FloatArray, seed_free: frozenset[str] = frozenset()) -> Scores:
    """Return an array of shape (methods, seeds, questions) as scores of methods "m00", "m01" and so on."""
    return make_scores(
        {
            f"m{method:02}": {
                seed: {f"q{unit:05}": float(score) for unit, score in enumerate(scores)}
                for seed, scores in enumerate(by_seed)
            }
            for method, by_seed in enumerate(values)
        },
        seed_free,
    )
