"""What a study of so many questions and seeds can find."""

import numpy as np
import pytest

from paretune.analysis import judged_rows
from paretune.report.amounts import power_notes
from tests.studies import evidence


@pytest.mark.parametrize(
    ("num_questions", "said"),
    [
        (3, "not even the largest possible difference in accuracy is likely to be found"),
        (400, "the true difference of two trained methods must typically be larger than about"),
    ],
)
def test_no_difference_beyond_the_metric_s_range_is_asked_for(num_questions: int, said: str) -> None:
    right = np.resize([1.0, 0.0, 0.0], (1, num_questions))
    found = evidence({"lora": right, "oft": np.roll(right, 1, axis=1), "ia3": np.roll(right, 2, axis=1)})
    (note,) = power_notes(judged_rows(found.records, found.answers))
    assert said in note
