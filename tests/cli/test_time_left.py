from paretune.cli.time_left import ProgressEstimator, span_text
from paretune.execute.duration import AtOnce, Span
from paretune.execute.stages import Blueprint
from paretune.spec import Record, Study, Trial
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
