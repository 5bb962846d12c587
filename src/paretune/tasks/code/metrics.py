"""What is scored of programs: pass@k, and the share of tests that are passed."""

from math import comb
from typing import Final

from paretune.spec import Metric, Unit

TESTS_PASSED: Final = Metric(
    name="tests_passed",
    label="Tests passed",
    unit=Unit.FRACTION,
    items="problems",
    definition="Share of a problem's tests that its program passes, mean over problems (and over samples).",
)


def pass_at(k: int) -> Metric:
    """Return the metric pass@k."""
    return Metric(
        name=f"pass_at_{k}",
        label=f"pass@{k}",
        unit=Unit.FRACTION,
        items="problems",
        definition="Share of problems whose program passes every test."
        if k == 1
        else f"Probability that at least one of {k} sampled programs passes every test, mean over problems; the "
        "unbiased estimate of Chen et al. (arXiv 2107.03374).",
    )


def estimated_pass_at(k: int, num_samples: int, num_passed: int) -> float:
    """Return the unbiased estimate of pass@k from n samples of which c passed: 1 - C(n - c, k) / C(n, k).

    Chen et al. 2021, arXiv 2107.03374, equation 1. Raises `ValueError` for k above the number of samples.
    """
    if not 1 <= k <= num_samples:
        raise ValueError(f"pass@{k} needs at least {k} samples, and there are {num_samples}")
    return 1.0 - comb(num_samples - num_passed, k) / comb(num_samples, k)
