"""Tasks of lm-eval: a toy model gets through us what it gets through lm-eval, item by item."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from paretune.engine import LanguageRespondent
from paretune.models.toy import toy_model, toy_tokenizer
from paretune.spec import Direction, InputError, Recipe, Study, Unit
from paretune.tasks import SkillQuestions, Task, get_task, skill_of
from paretune.tasks.scoring import Scored, score_all
from paretune.testing import TaskContract

pytest.importorskip("lm_eval", reason='lm-eval is not installed: pip install "paretune[lm-eval]"')

WORDS = ("red", "a green one", "blue and yellow", "black")
CHOICES = """
task: which_colour
dataset_path: json
dataset_kwargs: {data_files: {train: FOLDER/train.json, test: FOLDER/test.json}, cache_dir: FOLDER/cache}
output_type: multiple_choice
training_split: train
test_split: test
doc_to_text: "Colour {{number}} of {{word}}? Answer:"
doc_to_choice: choices
doc_to_target: label
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
  - {metric: mcc, aggregation: matthews_corrcoef, higher_is_better: true}
  - {metric: acc_bytes, aggregation: mean, higher_is_better: false}
metadata: {version: 1.0}
"""
WRITTEN = """
task: say_colour
dataset_path: json
dataset_kwargs: {data_files: {train: FOLDER/train.json, test: FOLDER/test.json}, cache_dir: FOLDER/cache}
output_type: generate_until
training_split: train
test_split: test
doc_to_text: "Colour {{number}} of {{word}}? Answer:"
doc_to_target: "{{choices[label]}}"
generation_kwargs: {until: ["z", "q"], max_gen_toks: 6, do_sample: false}
filter_list:
  - {name: first, filter: [{function: take_first}]}
  - {name: letters, filter: [{function: regex, regex_pattern: "([a-z])"}, {function: take_first}]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two lm-eval tasks and their data, the same for all tests: data is loaded once."""
    tmp_path = tmp_path_factory.mktemp("tasks")
    for split, first, count in (("train", 100, 12), ("test", 0, 24)):
        rows = [
            {"number": number, "word": f"w{number % 7}", "choices": WORDS[: 2 + number % 3], "label": number % 2}
            for number in range(first, first + count)
        ]
        (tmp_path / f"{split}.json").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "choices.yaml").write_text(CHOICES.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    (tmp_path / "written.yaml").write_text(WRITTEN.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    return tmp_path


def task(name: str, folder: Path, **options: Any) -> Task:
    return get_task(f"lm-eval:{name}", {"include_path": str(folder), "validation_size": 4, **options})


def ours(of: Task) -> Scored:
    respondent = LanguageRespondent(toy_model(spread=0.1), toy_tokenizer(), of, Recipe(), batch_size=5)
    examples = of.examples("test")
    return score_all(of, examples, of.ask(respondent, examples))


def theirs(name: str, folder: Path, num_fewshot: int | None = None) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """Return what lm-eval's evaluator gives the same toy model: all metrics, and each item."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    model = HFLM(pretrained=toy_model(spread=0.1).eval(), tokenizer=toy_tokenizer(), batch_size=4, device="cpu")
    loaded = TaskManager(include_path=str(folder), include_defaults=False).load([name])
    for one in loaded["tasks"].values():  # as `lm_eval.simple_evaluate` does before it calls this
        one.set_config("num_fewshot", num_fewshot or 0)
        one.set_fewshot_seed(1234)
    found = evaluate(model, loaded, bootstrap_iters=0)
    return found["results"][name], found["samples"][name]


@pytest.mark.parametrize("num_fewshot", [None, 2])
def test_choices_get_the_metrics_of_lm_eval(folder: Path, num_fewshot: int | None) -> None:
    found = ours(task("which_colour", folder, num_fewshot=num_fewshot))
    results, samples = theirs("which_colour", folder, num_fewshot)
    assert [item.scores["acc"] for item in found.items] == [one["acc"] for one in samples]
    assert [item.scores["acc_norm"] for item in found.items] == [one["acc_norm"] for one in samples]
    assert 0 < found.metrics["acc"] < 1
    for name in ("acc", "acc_norm", "mcc", "acc_bytes"):
        assert found.metrics[name] == pytest.approx(results[f"{name},none"], rel=1e-5), name


def test_written_answers_get_the_metrics_of_lm_eval(folder: Path) -> None:
    written = task("say_colour", folder)
    found = ours(written)
    results, samples = theirs("say_colour", folder)
    assert [item.text for item in found.items] == [one["resps"][0][0] for one in samples if one["filter"] == "first"]
    assert found.metrics["exact_match_first"] == results["exact_match,first"]
    assert found.metrics["exact_match_letters"] == results["exact_match,letters"]
    right = written.examples("test")[0]
    assert written.score(right.completion.strip(), right)["exact_match_first"] == 1


def test_names_directions_and_units_are_lm_evals(folder: Path) -> None:
    acc, norm, mcc, turned = task("which_colour", folder).card.metrics
    assert (acc.name, acc.unit, acc.per) == ("acc", Unit.FRACTION, "item")
    assert (norm.direction, turned.direction) == (Direction.HIGHER, Direction.LOWER)
    assert (mcc.per, mcc.unit) == ("corpus", Unit.PLAIN)
    assert task("which_colour", folder, main_metric="acc_norm").card.main_metric.name == "acc_norm"
    with pytest.raises(InputError, match='no metric "accuracy"; there is: acc, acc_norm, mcc, acc_bytes'):
        task("which_colour", folder, main_metric="accuracy")


def test_training_data_is_the_tasks_own_another_task_or_a_file(folder: Path) -> None:
    own = task("which_colour", folder)
    first = own.examples("train")[0]
    assert (first.prompt, first.completion) == ("Colour 100 of w2? Answer:", " red")
    assert [len(own.examples(split)) for split in ("train", "validation", "test")] == [8, 4, 24]
    sums = task("which_colour", folder, train={"name": "word_problems", "options": {"train_size": 8}})
    assert len(sums.examples("train")) == 8
    rows = [{"prompt": f"Colour {number} of w0? Answer:", "completion": "red"} for number in range(40)]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    mine = task("which_colour", folder, train=str(folder / "mine.jsonl"))
    prompts = {one.prompt for split in ("train", "validation") for one in mine.examples(split)}
    assert prompts
    assert not prompts & {one.prompt for one in mine.examples("test")}
    assert len({one.content_hash for one in (own, sums, mine)}) == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("process_docs: !function evil.run", "!function names code"),
        ("class: evil", "class names code"),
        ("include: ../other.yaml", "lies outside of"),
        ("metric_list: [{metric: ./evil}]", 'metric "./evil" is none of lm-eval'),
        ("x: !!python/name:os.system", "names code"),
    ],
)
def test_a_folder_of_tasks_runs_no_code(folder: Path, line: str, told: str) -> None:
    (folder / "evil.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    text = CHOICES.replace("FOLDER", str(folder)).replace("which_colour", "bad")
    kept = text.partition("metric_list")[0] if line.startswith("metric_list") else text
    (folder / "bad.yaml").write_text(f"{kept}{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        task("bad", folder)


def test_a_template_of_a_folder_stays_in_its_sandbox(folder: Path) -> None:
    text = CHOICES.replace("FOLDER", str(folder)).replace("which_colour", "sly")
    text = text.replace("Colour {{number}}", "{{ ().__class__.__mro__[1].__subclasses__() }}")
    (folder / "sly.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="SecurityError"):
        task("sly", folder)


def test_what_cannot_be_had_is_one_line(folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        task("which_colour", folder / "nowhere")
    text = CHOICES.replace("FOLDER/test", str(folder / "absent")).replace("FOLDER", str(folder))
    (folder / "absent.yaml").write_text(text.replace("which_colour", "absent"), encoding="utf-8")
    with pytest.raises(InputError, match=r'^task "lm-eval:absent": its data cannot be loaded: ') as caught:
        task("absent", folder)
    assert "\n" not in str(caught.value)
    (folder / "unfit.yaml").write_text(
        WRITTEN.replace("FOLDER", str(folder)).replace("say_colour", "unfit").replace("do_sample: false", "top_k: 3"),
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="cannot generate with top_k"):
        task("unfit", folder)
    (folder / "tested.yaml").write_text(
        CHOICES.replace("FOLDER", str(folder)).replace("which_colour", "tested").replace("training_split: train", ""),
        encoding="utf-8",
    )
    tested = task("tested", folder)
    with pytest.raises(InputError, match="has no training split; name training data"):
        tested.examples("train")
    assert ours(tested).items == ours(task("which_colour", folder)).items  # it can be tested on
    with pytest.raises(InputError, match="leave temperature out"):
        task("say_colour", folder).check_recipe(Recipe(temperature=0.5))


@pytest.mark.parametrize("name", ["which_colour", "say_colour"])
def test_a_skill_needs_no_training_data(folder: Path, tmp_path: Path, name: str) -> None:
    text = (CHOICES if name == "which_colour" else WRITTEN).replace("FOLDER", str(folder))
    (tmp_path / "untrained.yaml").write_text(text.replace("training_split: train\n", ""), encoding="utf-8")
    skill = SkillQuestions(task(name, tmp_path), 6)
    whole = task(name, folder)
    asked = [whole.examples("test")[place] for place in (0, 4, 8, 12, 16, 20)]
    assert list(skill.examples("test")) == asked
    every = {item.item_id: item.scores for item in ours(whole).items}
    assert [item.scores for item in ours(skill).items] == [every[one.id] for one in asked]
    assert skill_of(skill.skill).content_hash == skill.content_hash
    assert skill.content_hash != SkillQuestions(task(name, tmp_path), 5).content_hash


def test_a_study_names_it(folder: Path) -> None:
    study = Study.read({"name": "one", "methods": ["base"], "tasks": ["lm-eval:which_colour"]}, "a test")
    assert study.tasks[0].name == "lm-eval:which_colour"
    spec = task("which_colour", folder).spec()
    moved = spec.model_copy(update={"options": {**spec.options, "include_path": "/elsewhere"}})
    assert spec.name == "lm-eval:which_colour"
    assert moved.identity == spec.identity


class TestWhichColour(TaskContract):
    task = "lm-eval:which_colour"
    unreached = ("mcc", "acc_bytes")
    wrong_options = {"train": 3, "num_fewshot": -1, "validation_size": 0, "main_metric": ""}

    @pytest.fixture(autouse=True)
    def _data(self, folder: Path) -> None:
        self.options = {"include_path": str(folder), "validation_size": 4}


class TestSayColour(TaskContract):
    task = "lm-eval:say_colour"
    unreached = ("exact_match_letters", "exact_match_first")
    wrong_options = {"test_size": 0, "include_path": ""}

    @pytest.fixture(autouse=True)
    def _data(self, folder: Path) -> None:
        self.options = {"include_path": str(folder), "validation_size": 4}
