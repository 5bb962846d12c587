"""General skills are asked of the base model once and of every final trial's model, and change nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from paretune.cli.plan_settings import settings_lines
from paretune.engine import LanguageRespondent
from paretune.execute.check import check_trials
from paretune.execute.duration import Durations, phases_of
from paretune.execute.executor import Finished
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.stages import Blueprint
from paretune.execute.trial import run_trial
from paretune.kinds import skills as asking
from paretune.measure import environment
from paretune.spec import InputError, Phase, Record, SkillEntry, Study, Trial
from paretune.store import NOTHING_SHARED, SharedValues, Store, StoredValues
from paretune.tasks import get_any_task
from paretune.tasks.skills import named_skill
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]
NUM_QUESTIONS = 12
CLOCKS = {"step_seconds", "train_seconds", "answers_per_second"}


@pytest.fixture
def choices(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that writes questions with choices, of which a random model gets some right, as a skill."""

    def written(name: str = "choices", *, number: int = 40, **entry: Any) -> dict[str, Any]:
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {"prompt": f"{name} {place}?", "completion": "abc"[place % 3], "choices": ["a", "b", "c"]}
            for place in range(number)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        options = {"path": str(path), "metric": ["choice"], "choices": "choices", "test_fraction": 0.4}
        return {"name": "own_data", "options": options, "num_questions": NUM_QUESTIONS, **entry}

    return written


def finished(trial: Trial, folder: Path, shared: SharedValues = NOTHING_SHARED) -> Finished:
    """Return what a trial leaves, its memory not counted."""
    quick = trial.model_copy(update={"measures": ("answers", "forgetting")})
    found = run_trial(quick, folder, attempt=1, concurrent_workers=1, listener=Deaf(), shared=shared)
    assert found.record.outcome.kind == "ok", found.record.outcome
    return found


def ran(trial: Trial, folder: Path, shared: SharedValues = NOTHING_SHARED) -> Record:
    return finished(trial, folder, shared).record


def of_the_training(record: Record) -> dict[str, Any]:
    """Return what a record holds that skills must not change."""
    metrics = {name: one for name, one in record.metrics.items() if name not in {*CLOCKS, "skills_lost"}}
    return {"losses": record.train_losses, "texts": record.text_loss_changes, "metrics": metrics}


def test_what_was_lost_is_known_question_by_question(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    changes = {"methods": ["lora"], "learning_rates": [0.05]}
    (with_skills,) = plan(toy_study(**changes, skills=[choices(), choices("others", number=20, num_questions=4)]))
    (without,) = plan(toy_study(**changes))
    found, plain = ran(with_skills, tmp_path / "with"), ran(without, tmp_path / "without")
    assert of_the_training(found) == of_the_training(plain)
    assert "skills_lost" not in plain.metrics
    assert not plain.skills
    first, second = found.skills
    assert (len(first.changes), len(second.changes)) == (NUM_QUESTIONS, 4)
    assert first.name != second.name
    assert {0.0} < set(found.skill_changes) <= {0.0, 100.0, -100.0}, "training this hard changes some choices"
    for skill in found.skills:
        assert 0 < skill.before < 1
        assert skill.lost == pytest.approx(100 * (skill.before - skill.after))
        assert skill.standard_error == pytest.approx(stdev(skill.changes) / len(skill.changes) ** 0.5)
    assert found.metrics["skills_lost"] == pytest.approx(fmean(found.skill_changes))
    error = stdev(found.skill_changes) / (NUM_QUESTIONS + 4) ** 0.5
    assert found.standard_errors["skills_lost"] == pytest.approx(error)
    assert Phase.RETAIN in {reading.phase for reading in found.phases}
    assert Record.model_validate_json(found.model_dump_json()) == found


def test_the_base_model_is_asked_once_and_its_own_row_loses_nothing(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("results").mkdir()
    shared = StoredValues(tmp_path / "results", environment())
    asked: list[str] = []

    class Counting(LanguageRespondent):
        def __init__(self, model: Any, *rest: Any, **settings: Any) -> None:
            asked.append(type(model).__name__)
            super().__init__(model, *rest, **settings)

    monkeypatch.setattr(asking, "LanguageRespondent", Counting)
    trials = plan(toy_study(methods=["lora", "base"], seeds=[0, 1], skills=[choices()]))
    records = [ran(trial, tmp_path / trial.id, shared) for trial in trials]
    assert asked == ["LlamaForCausalLM", "PeftModelForCausalLM", "PeftModelForCausalLM"]
    (base,) = [record for record in records if not record.trial.method.trains]
    assert base.metrics["skills_lost"] == 0.0
    assert base.skill_changes == (0.0,) * NUM_QUESTIONS
    kept = [json.loads(file.read_text()) for file in (tmp_path / "results" / "shared").iterdir()]
    assert [one["what"] for one in kept].count(asking.BASE_SCORES) == 1
    alone = ran(trials[0], tmp_path / "alone")
    assert alone.skills == records[0].skills


def test_a_sampled_answer_depends_on_no_other(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Skills draw from a seed of their own: the answers to the study's questions are those without skills."""
    recipe = {"steps": 2, "batch_size": 4, "temperature": 1.0}
    skill = choices(options={**choices()["options"], "metric": ["exact_match"]})
    items = []
    for skills in ([], [skill]):
        (trial,) = plan(toy_study(methods=["lora"], recipe=recipe, skills=skills))
        items.append(finished(trial, tmp_path / trial.id).items)
    assert items[0] == items[1]


def test_ids_hold_the_questions_and_not_where_they_lie(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def ids(*skills: Any) -> list[str]:
        return [trial.id for trial in plan(toy_study(skills=list(skills)))]

    entry = choices()
    assert ids() == [trial.id for trial in plan(toy_study())] != ids(entry)
    assert ids(entry) != ids({**entry, "num_questions": 5})
    moved = tmp_path / "elsewhere.jsonl"
    moved.write_text(Path(entry["options"]["path"]).read_text())
    assert ids({**entry, "options": {**entry["options"], "path": str(moved)}}) == ids(entry)
    changed = moved.read_text().replace("choices 1", "choice 1")
    moved.write_text(changed)
    assert ids({**entry, "options": {**entry["options"], "path": str(moved)}}) != ids(entry)


def test_a_plan_says_what_is_asked_and_counts_its_time(
    toy_study: Build, choices: Callable[..., dict[str, Any]], folder: Path
) -> None:
    study = toy_study(methods=["base"], skills=[choices()])
    prepared = prepare(study, Store(folder))
    line = f"General skills: {NUM_QUESTIONS} questions of own_data, asked of the base model once and of each final"
    assert any(text.startswith(line) for text in settings_lines(prepared))
    (trial,) = prepared.stages.trials
    assert Phase.RETAIN in phases_of(trial)
    record = ran(trial, folder / "trial")
    (retained,) = [reading.seconds for reading in record.phases if reading.phase is Phase.RETAIN]
    phases = tuple(reading for reading in record.phases if reading.phase is not Phase.RETAIN)
    without = record.model_copy(update={"phases": phases})
    known, unknown = (Durations([one]).of(trial, alone=True) for one in (record, without))
    assert known.seconds - unknown.seconds == pytest.approx(retained)
    assert not unknown.whole


def test_tuning_trials_ask_no_skills(toy_study: Build, choices: Callable[..., dict[str, Any]]) -> None:
    study = {"methods": ["lora"], "seeds": [0, 1, 2], "tuning": {"rates": 3}}
    with_skills, without = (Blueprint(toy_study(**study, **more)).stages({}) for more in ({"skills": [choices()]}, {}))
    first, other = with_skills.stages[0], without.stages[0]
    assert [trial.id for trial in first.trials] == [trial.id for trial in other.trials]
    final = with_skills.stages[-1].trials[0]
    assert final.skills
    assert final.conflict_with(first.trials[0]) is None
    assert final.conflict_with(without.stages[-1].trials[0]) == "no general skills (skills of the study)"


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        (["word_problms"], 'skills[0]: unknown task "word_problms" (did you mean "word_problems"?)'),
        (["sentiment"], 'skills[0]: task "sentiment": its answers are'),
        (["image_concept"], 'skills[0]: task "image_concept": its answers are'),
        (["visual_questions"], 'skills[0]: task "visual_questions" needs a model that reads pictures and text, and'),
        (["word_problems"], 'skills[0]: task "word_problems": the study trains on task "word_problems" itself'),
        ([{"name": "code_problems", "options": {"sandbx": 1}}], 'skills[0]: task "code_problems": unknown option'),
    ],
)
def test_what_cannot_be_a_skill_is_one_line(toy_study: Build, skills: list[Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(toy_study(skills=skills))
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


def test_data_that_is_no_skill_is_one_line(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def refused(*skills: Any, **changes: Any) -> str:
        with pytest.raises(InputError) as caught:
            plan(toy_study(skills=list(skills), **changes))
        (line,) = caught.value.problems
        return line

    entry = choices()
    plain = tmp_path / "plain.txt"
    plain.write_text("".join(f"A line of plain text, number {place}.\n" for place in range(40)))
    text = {"name": "own_data", "options": {"path": str(plain), "metric": ["perplexity"]}}
    assert "its main metric is perplexity, and a skill is judged by a share" in refused(text)
    lone = tmp_path / "lone.jsonl"
    lone.write_text(json.dumps({"prompt": "a?", "completion": "a", "choices": ["a", "b", "c"]}) + "\n")
    few = {**entry, "options": {**entry["options"], "test_path": str(lone)}}
    assert "two test questions or more, and its test split has 1" in refused(few)
    assert refused(entry, entry).startswith('skills[1]: task "own_data" is named twice')
    tasks = [{name: one for name, one in entry.items() if name != "num_questions"}]
    assert f"{NUM_QUESTIONS} of its {NUM_QUESTIONS} questions are examples of task" in refused(entry, tasks=tasks)
    labelled = {"base_model": "toy:bert", "tasks": ["sentiment"], "methods": ["lora"]}
    assert refused(entry, **labelled).startswith('skills: task "sentiment" needs a language model or an encoder')


def test_what_could_not_be_scored_is_found_before_the_first_trial(
    toy_study: Build, choices: Callable[..., dict[str, Any]]
) -> None:
    entry = choices()
    check_trials(plan(toy_study(skills=[entry])))
    entry["options"] |= {"metric": ["exact_match"], "max_new_tokens": 1}
    study = toy_study(skills=[entry], recipe={"steps": 2, "temperature": 0.5})
    path = Path(entry["options"]["path"])
    path.write_text(path.read_text().replace('"completion": "a"', '"completion": "a long answer"'))
    with pytest.raises(InputError, match=r"skills\[0\]: .*references could not be scored right"):
        check_trials(plan(study))


def test_questions_that_changed_since_the_plan_are_refused(
    toy_study: Build, choices: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    entry = choices()
    (trial,) = plan(toy_study(methods=["base"], skills=[entry]))
    path = Path(entry["options"]["path"])
    path.write_text(path.read_text().replace("choices", "choice"))
    record = run_trial(trial, tmp_path / "x", attempt=1, concurrent_workers=1, listener=Deaf()).record
    assert record.outcome.kind == "refused"


def test_other_questions_of_the_study_s_own_task_are_a_skill() -> None:
    sizes = {"train_size": 8, "validation_size": 4, "test_size": 8}
    own = get_any_task("visual_questions", {**sizes, "about": ["count"]})
    skills = {
        about: named_skill(
            get_any_task("visual_questions", {**sizes, "about": [about], "seed": 1}),
            SkillEntry(name="visual_questions"),
        )
        for about in ("colour", "count")
    }
    assert skills["colour"].overlap_with(own) is None
    assert skills["count"].overlap_with(own) == 'the study trains on task "visual_questions" itself'
