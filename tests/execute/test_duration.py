from typing import Any

import pytest

from paretune.execute.duration import AtOnce, Durations, Span, phases_of, time_left
from paretune.execute.stages import Stage, Stages
from paretune.spec import Diverged, Phase, PhaseReading, Provenance, Recipe, Record, Trial
from tests.records import PROVENANCE, make_record

SECONDS = {
    Phase.LOAD: 1.0, Phase.PREPARE: 2.0, Phase.MEASURE: 4.0, Phase.TRAIN: 40.0, Phase.VALIDATE: 8.0, Phase.SAVE: 16.0,
    Phase.RELOAD: 32.0, Phase.TEST: 64.0, Phase.RETAIN: 128.0,
}  # fmt: skip


def timed(label: str = "lora", factor: float = 1.0, jobs: int = 1, **changes: Any) -> Record:
    record = make_record(label, provenance=_provenance(jobs), **changes)
    phases = tuple(
        PhaseReading(phase=phase, seconds=SECONDS[phase] * factor)
        for phase in SECONDS
        if phase in phases_of(record.trial)
    )
    return record.model_copy(update={"phases": phases})


def _provenance(jobs: int) -> Provenance:
    return PROVENANCE.model_copy(update={"concurrent_workers": jobs})


def tuning_trial(label: str = "lora", **changes: Any) -> Trial:
    return make_record(label, split="validation", measures=(), **changes).trial


def test_nothing_seen_nothing_known() -> None:
    assert Durations().of(tuning_trial(), alone=True) == Span(0.0, whole=False)


def test_a_final_trial_tells_what_a_tuning_trial_takes() -> None:
    assert Durations([timed()]).of(tuning_trial(), alone=True) == Span(1 + 2 + 40 + 8, whole=True)


def test_a_tuning_trial_tells_the_least_that_a_final_one_takes() -> None:
    seen = timed(split="validation", measures=())
    assert Durations([seen]).of(make_record().trial, alone=True) == Span(51.0, whole=False)


def test_the_untouched_base_fills_the_gap() -> None:
    durations = Durations([timed("base"), timed(split="validation", measures=())])
    span = durations.of(make_record().trial, alone=True)
    assert span == Span(sum(SECONDS.values()) - SECONDS[Phase.SAVE], whole=False)


def test_the_same_method_counts_before_others_and_the_same_company_before_other() -> None:
    durations = Durations([timed("lora"), timed("oft", factor=3), timed("lora", factor=10, jobs=2)])
    assert durations.of(tuning_trial("lora"), alone=True).seconds == 51
    assert durations.of(tuning_trial("lora"), alone=False).seconds == 510
    assert durations.of(tuning_trial("oft"), alone=False).seconds == 153
    assert durations.of(tuning_trial("vera"), alone=True).seconds == pytest.approx(51 * 2)


def test_training_goes_by_the_number_of_examples() -> None:
    durations = Durations([timed(recipe=Recipe(steps=10, batch_size=8))])
    longer = tuning_trial(recipe=Recipe(steps=20, batch_size=16))
    assert durations.of(longer, alone=True).seconds == 1 + 2 + 4 * 40 + 8


def test_steps_that_another_trial_has_run_take_no_time() -> None:
    durations = Durations([timed(recipe=Recipe(steps=10, batch_size=8), resumed_at=5)])  # a second an example
    longer = tuning_trial(recipe=Recipe(steps=20, batch_size=16))
    assert durations.of(longer, alone=True).seconds == 1 + 2 + 320 + 8
    assert durations.of(longer, alone=True, num_ready=15).seconds == 1 + 2 + 80 + 8
    none_run = Durations([timed(recipe=Recipe(steps=10, batch_size=8), resumed_at=10)])
    assert none_run.of(longer, alone=True) == Span(11.0, whole=False)
    assert none_run.of(longer, alone=True, num_ready=20) == Span(3.0, whole=True)


def test_what_did_not_end_well_tells_nothing() -> None:
    assert Durations([timed(outcome=Diverged(step=1, loss=9.0))]).of(tuning_trial(), alone=True).seconds == 0


def test_a_start_is_learnt_from_trials_seen_whole() -> None:
    durations = Durations()
    durations.learn(timed(), whole_seconds=sum(SECONDS.values()) + 5)
    assert durations.of(tuning_trial(), alone=True).seconds == 51 + 5


def test_a_glimpse_counts_until_a_trial_has_ended() -> None:
    durations = Durations()
    durations.glimpse(tuning_trial(), Phase.TRAIN, seconds=10.0, share=0.5)
    assert durations.of(tuning_trial(), alone=True) == Span(20.0, whole=False)
    durations.learn(timed())
    assert durations.of(tuning_trial(), alone=True) == Span(51.0, whole=True)


def test_jobs_share_what_need_not_run_alone() -> None:
    trials = tuple(tuning_trial(seed=seed) for seed in range(4))
    final = (make_record(seed=9).trial,)
    stages = Stages((Stage("tuning", trials, alone=False), Stage("final", final, alone=True)))
    record = timed()
    tuning, last = time_left(stages, {trials[0].id: record}, Durations([record]), AtOnce(jobs=3))
    assert tuning.seconds == pytest.approx(51)
    assert last.seconds == sum(SECONDS.values())


def test_trials_that_run_alone_do_so_side_by_side_where_each_has_an_accelerator() -> None:
    final = tuple(make_record(seed=seed).trial for seed in (8, 9))
    stages = Stages((Stage("final", final, alone=True),))
    (one,), (two,) = (time_left(stages, {}, Durations([timed()]), AtOnce(2, alone)) for alone in (1, 2))
    assert two.seconds == one.seconds / 2
