import pytest

from paretune.analysis.decisions.quantities import parse_amount
from paretune.analysis.decisions.requirements import parse_limit
from paretune.spec import METRICS, InputError


@pytest.mark.parametrize(
    ("metric", "text", "amount"),
    [
        ("train_peak_bytes", "24GB", 24e9), ("train_peak_bytes", "1 GiB", 2.0**30), ("checkpoint_bytes", "50mb", 5e7),
        ("checkpoint_bytes", "512B", 512), ("step_seconds", "1.5s", 1.5), ("step_seconds", "300 ms", 0.3),
        ("accuracy", "50%", 0.5), ("accuracy", ".5", 0.5), ("trainable_parameters", "5M", 5e6),
        ("trainable_parameters", "1e6", 1e6), ("forgetting", "-0.01", -0.01),
        ("skills_lost", "2", 2.0), ("skills_lost", "1.5 points", 1.5),
    ],
)  # fmt: skip
def test_amounts_as_people_write_them(metric: str, text: str, amount: float) -> None:
    assert parse_amount(METRICS[metric], text, "--here") == pytest.approx(amount)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("train_peak_bytes", "24 s"), ("train_peak_bytes", "much"), ("train_peak_bytes", "24"),
        ("step_seconds", "1GB"), ("accuracy", "50"),
        ("accuracy", "-1%"), ("forgetting", "5%"), ("trainable_parameters", ""), ("step_seconds", "1s2"),
        ("skills_lost", "2%"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_with_an_example(metric: str, text: str) -> None:
    with pytest.raises(InputError, match=r"--here: .*; write "):
        parse_amount(METRICS[metric], text, "--here")


def test_limits_on_any_metric() -> None:
    assert parse_amount(METRICS["similarity"], "0.7", "--here") == 0.7
    limit = parse_limit("answer_peak_bytes <= 8GB", "--limit")
    assert (limit.metric, limit.bound, limit.value) == ("answer_peak_bytes", "at most", 8e9)
    assert parse_limit("accuracy>=50%", "--limit").meets(0.5)
    assert not parse_limit("accuracy≥50%", "--limit").meets(0.49)
    with pytest.raises(InputError, match='did you mean "forgetting"'):
        parse_limit("forgeting<=1", "--limit")
    with pytest.raises(InputError, match="is not a limit"):
        parse_limit("accuracy=1", "--limit")
