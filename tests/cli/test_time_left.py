from datetime import timedelta
from pathlib import Path

from safetensors.numpy import save_file

from paretune.cli.time_left import ProgressEstimator, span_text
from paretune.execute.duration import AtOnce, Span
from paretune.execute.stages import Blueprint
from paretune.spec import Phase, PhaseReading, Record, Study, Trial, Tuning
from paretune.store.training_states import AboutState, TrainingStates
from tests.tune.landscapes import make_result

STUDY = Study.read(
    {"name": "s", "base_model": "toy:llama", "methods": ["lora", "ia3"], "seeds": [0, 1, 2], "tuning": {"rates": 3}},
    "made-up study",
)


def result(trial: Trial) -> Record:
    """Return a result that is better the higher the rate."""
    return make_result(trial, 1 / (1 + (trial.learning_rate or 0.0)))


def test_spans_in_words() -> None:
    assert span_text(Span(61.0, whole=True)) == "about 0:01:01"
    assert span_text(Span(61.0, whole=False)) == "at least 0:01:01"
    assert span_text(Span(0.0, whole=False)) == "not known yet"


def test_it_counts_what_is_done_and_what_is_to_come() -> None:
    blueprint, estimator = Blueprint(STUDY), ProgressEstimator(AtOnce())
    stages = blueprint.stages({})
    assert estimator.planned(stages, {}) == ""
    assert (estimator.num_done, estimator.total) == (0, 6 + 6)
    assert estimator.left() == "time left not known yet"
    first = stages.trials[0]
    estimator.started(first)
    estimator.finished(first, result(first), seconds=2.0)
    assert (estimator.num_done, estimator.total) == (1, 12)
    assert 0 < estimator.share < 0.2


def test_wider_rates_are_news_and_count() -> None:
    blueprint, estimator = Blueprint(STUDY), ProgressEstimator(AtOnce())
    stages = blueprint.stages({})
    estimator.planned(stages, {})
    results: dict[str, Record] = {}
    for trial in stages.trials:
        results[trial.id] = result(trial)
        estimator.started(trial)
        estimator.finished(trial, results[trial.id], seconds=2.0)
    news = estimator.planned(blueprint.stages(results), results)
    assert news.startswith("tuning, round 2: 2 trials")
    assert "every grid is widened" in news
    assert (estimator.num_done, estimator.total) == (6, 14)


def test_a_trial_that_runs_again_counts_again() -> None:
    blueprint, estimator = Blueprint(STUDY), ProgressEstimator(AtOnce())
    stages = blueprint.stages({})
    results = {trial.id: result(trial) for trial in stages.trials[:2]}
    estimator.planned(stages, results)
    assert estimator.total == 10
    estimator.started(stages.trials[0])
    assert estimator.total == 11


def test_at_the_end_nothing_is_left() -> None:
    study = Study.read({"name": "s", "base_model": "toy:llama", "methods": ["ia3"]}, "made-up study")
    stages, estimator = Blueprint(study).stages({}), ProgressEstimator(AtOnce())
    estimator.planned(stages, {})
    (trial,) = stages.trials
    estimator.started(trial)
    estimator.finished(trial, result(trial), seconds=1.0)
    assert estimator.left() == "nothing left"
    assert estimator.share == 1.0


def test_steps_that_an_earlier_trial_has_run_are_not_counted(tmp_path: Path) -> None:
    value = {"halving": {"after": [0.5], "keep": 0.6}, "rates": 3, "max_widenings": 0}
    blueprint = Blueprint(STUDY.model_copy(update={"tuning": Tuning.model_validate(value)}))
    stages = blueprint.stages({})
    results: dict[str, Record] = {}
    for trial in stages.stages[0].trials:
        phases = (PhaseReading(phase=Phase.TRAIN, seconds=10.0),)
        results[trial.id] = result(trial).model_copy(update={"phases": phases})
    later = blueprint.stages(results)
    states = TrainingStates(tmp_path)
    waiting = next(stage for stage in later.stages if stage.decided and stage.trials[0].id not in results).trials
    assert states.has_room(waiting[0], 1)

    def left(*ready: Trial) -> str:
        for trial in ready:
            losses = (1.0,) * (trial.recipe.steps // 2)
            about = AboutState(
                losses=losses, step_seconds=losses, validation_loss=1.0, numbers={}, most_at_once=1, environment={}
            )  # fmt: skip
            save_file({}, states.file(trial), metadata=states.metadata(about))
        estimator = ProgressEstimator(AtOnce(), tmp_path)
        estimator.planned(later, results)
        return estimator.left()

    final = 2 * 3 * 20  # of two methods with three seeds; half the steps took 10 s
    assert left() == f"at least {timedelta(seconds=len(waiting) * 20 + final)} left"
    assert left(*waiting) == f"at least {timedelta(seconds=len(waiting) * 10 + final)} left"
