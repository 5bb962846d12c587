import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import Phase, PhaseReading
from paretune.tune.budget import (
    Amounts,
    MethodSeconds,
    Size,
    TimedRecord,
    largest_size,
    like_the_slowest,
    seconds_from,
    seconds_of,
    smallest_size,
    start_seconds,
)
from tests.records import make_record

BASE = MethodSeconds("base", trains=False, tuning=0.0, final=10.0, per_item=0.1)
LORA = MethodSeconds("lora", trains=True, tuning=50.0, final=100.0, per_item=0.1)
SECONDS = st.floats(0.01, 1000)
METHODS = st.lists(
    st.builds(MethodSeconds, label=st.just("x"), trains=st.booleans(), tuning=SECONDS, final=SECONDS, per_item=SECONDS),
    min_size=1,
    max_size=5,
)


def test_a_study_takes_its_tuning_with_the_rates_it_may_add_and_its_final_trials() -> None:
    assert seconds_of([BASE, LORA], Size(3, 5, 200)) == (10 + 20) + (3 + 2) * 50 + 5 * (100 + 20)
    assert seconds_of([BASE, LORA], Size(0, 1, 50)) == (10 + 5) + (100 + 5)


@given(methods=METHODS, seconds=st.floats(1, 1e6), items=st.integers(1, 3000))
def test_what_is_chosen_fits_and_more_time_never_buys_less(
    methods: list[MethodSeconds], seconds: float, items: int
) -> None:
    size = largest_size(methods, seconds, items)
    if size is None:
        assert seconds_of(methods, smallest_size(items)) > seconds
        return
    assert seconds_of(methods, size) <= seconds * (1 + 1e-9)
    assert min(items, 50) <= size.items <= items
    assert size.tuning is None or size.tuning.rates == size.rates
    assert size.rates == 0 or size.seeds >= 3, "a tuned study needs three final seeds"
    longer = largest_size(methods, seconds * 2, items)
    assert longer is not None
    assert (longer.rates, longer.seeds) >= (size.rates, size.seeds)


@pytest.mark.parametrize(
    ("seconds", "size"),
    [
        (100, None),
        (130, Size(0, 1, 100)),
        (125, Size(0, 1, 70)),
        (1e6, Size(7, 5, 1000)),
        (880, Size(5, 3, 550)),
    ],
)
def test_rates_and_seeds_come_before_items(seconds: float, size: Size | None) -> None:
    assert largest_size([BASE, LORA], seconds, 1000) == size


def test_items_that_cannot_be_limited_are_all_answered() -> None:
    assert largest_size([LORA], 10_000, 5000, fewest=5000) == Size(7, 5, 5000)
    assert largest_size([LORA], 550, 5000, fewest=5000) is None
    assert smallest_size(5000, fewest=5000).items == 5000


def test_a_short_trial_tells_what_a_long_one_takes() -> None:
    seconds = {Phase.LOAD: 1.0, Phase.PREPARE: 2.0, Phase.TRAIN: 30.0, Phase.VALIDATE: 4.0, Phase.TEST: 8.0}
    phases = tuple(PhaseReading(phase=phase, seconds=one) for phase, one in seconds.items())
    record = make_record("lora").model_copy(update={"phases": phases, "metrics": {"step_seconds": 2.0}})
    found = seconds_from(record, 5.0, Amounts(4, 32, 32), Amounts(100, 320, 1000))
    assert found == MethodSeconds("lora", True, tuning=5 + 1 + 2 + 200 + 40, final=5 + 1 + 2 + 200 + 40, per_item=0.25)


def test_the_start_of_the_first_trial_does_not_count_for_all() -> None:
    record = make_record("lora").model_copy(update={"phases": (PhaseReading(phase=Phase.TRAIN, seconds=30.0),)})
    assert start_seconds([TimedRecord(record, 35.0), TimedRecord(record, 31.0), TimedRecord(record, 31.5)]) == 1
    assert start_seconds([TimedRecord(record, 29.9)]) == 0
    assert start_seconds([]) == 0


def test_what_was_not_measured_counts_as_the_slowest() -> None:
    assert like_the_slowest("x", True, [BASE, LORA, LORA._replace(final=300)]).final == 300
    assert like_the_slowest("x", False, [BASE, LORA]) == BASE._replace(label="x")
