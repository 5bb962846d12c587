"""Any task of lm-evaluation-harness as a test set, under the name `lm-eval:TASK`.

One row, of a task with choices (`lm-eval:arc_easy`):

    prompt      Question: Which factor will most likely cause a person to develop a fever?
                Answer:
    completion      a bacterial population in the bloodstream
    choices     a leg muscle relaxing after exercise | a bacterial population in the bloodstream | ...
    group       all

Prompts, requests, answer filters and metrics are lm-eval's own. Training data is the task's training split, another
task of Paretune, or a person's own data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, Recipe, TaskCard, content_hash
from paretune.tasks.asking import Answer, Respondent
from paretune.tasks.base import Example, Split, Task, hash_of
from paretune.tasks.harness.model import answer_requests, as_lm_eval_model
from paretune.tasks.harness.scores import declared_by, values_of
from paretune.tasks.harness.source import Docs, Question, lm_eval_errors, lm_eval_seeds, load_source
from paretune.tasks.options import TEXT, Kind, or_null, whole_number

PREFIX = "lm-eval:"
_OWN_DATA = "own_data"


def _names_data(value: Any) -> bool:
    return TEXT.fits(value) or (isinstance(value, Mapping) and {"name"} <= value.keys() <= {"name", "options"})


class LmEvalTask(Task):
    """A task of lm-eval. `lm_eval_task` gives the class of one by its name."""

    card: ClassVar[TaskCard] = TaskCard(
        name=f"{PREFIX}TASK",
        version="1",
        description="A task of lm-evaluation-harness, with its prompts and metrics.",
        source="the package lm-eval; each task names its data set",
        licence="that of the data set",
        metrics=(METRICS["accuracy"],),
    )
    default_options: ClassVar[dict[str, Any]] = {
        "train": None,
        "include_path": None,
        "num_fewshot": None,
        "main_metric": None,
        "train_size": None,
        "validation_size": 64,
        "test_size": None,
    }
    about_options = {
        "train": "Training data: your own data as --data takes it, the name of another task, or a table with name and "
        "options of one; null: the training split of the lm-eval task.",
        "include_path": "A folder with lm-eval tasks of your own, in YAML files without code.",
        "num_fewshot": "Worked examples before each question; null: as many as the task says.",
        "main_metric": "The metric that methods are ranked by, by its name in lm-eval; null: the task's first.",
        "train_size": "Use the first N training examples only; null for all.",
        "validation_size": "Validation examples: of the task's validation split where it does not test on it, else "
        "the last of the training data.",
        "test_size": "Use the first N questions only; null for all.",
    }
    option_kinds = {
        "train": or_null(Kind("be text, or a table with name and options of a task", _names_data)),
        "include_path": or_null(TEXT),
        "num_fewshot": or_null(whole_number(0)),
        "main_metric": or_null(TEXT),
        "train_size": or_null(whole_number()),
        "validation_size": whole_number(),
        "test_size": or_null(whole_number()),
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    locations = ("train", "include_path")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        name = self.card.name.removeprefix(PREFIX)
        self._source = load_source(name, self.options["include_path"], self.options["num_fewshot"])
        self._declared = declared_by(self._source, self.options["main_metric"])
        # Here these depend on the task of lm-eval.
        metrics = tuple(one.metric for one in self._declared)
        self.card = self.card.model_copy(update={"metrics": metrics})  # type: ignore[misc]
        writing = self._source.writing
        self.generates = writing is not None  # type: ignore[misc]
        self.max_new_tokens = None if writing is None else writing.max_new_tokens  # type: ignore[misc]
        self.stop = () if writing is None else writing.stop  # type: ignore[misc]
        self.corpus_metrics = {one.metric.name: one.over_all for one in self._declared if one.metric.per == "corpus"}

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split; those of the test split are the questions of lm-eval.

        Raises `InputError` for data that cannot be used, and where there is none to train on.
        """
        if split == "test":  # so that a checkpoint can be evaluated on a task that there is nothing to train on
            return tuple(one.example for one in self._test)
        return self._splits[split]

    def check_recipe(self, recipe: Recipe) -> None:
        """Raise `InputError` for a temperature: how answers are drawn is a setting of the lm-eval task."""
        if recipe.temperature:
            raise InputError(
                f'task "{self.card.name}": it says itself how answers are drawn; leave temperature out of the recipe'
            )

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the values of a text by the metrics that read texts, none for a question that is not of lm-eval."""
        if not self.generates or (question := self._question(example.id)) is None:
            return {}
        requests = self._unanswered(question)
        for one in requests:
            one.resps.extend([text] * (one.repeats or 1))
        return dict(self._answers([question], requests)[0].values)

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Let a model answer the requests of lm-eval, and let the task score the answers.

        Raises `InputError` for questions that are not of lm-eval: validation data that comes from elsewhere.
        """
        questions = [question for one in examples if (question := self._question(one.id)) is not None]
        if len(questions) < len(examples):
            raise InputError(
                f'task "{self.card.name}": its validation data comes from elsewhere and has no score of this task; '
                "choose learning rates by the validation loss"
            )
        requests = [one for question in questions for one in self._unanswered(question)]
        answer_requests(as_lm_eval_model(model, self._source.name), requests)
        return self._answers(questions, requests)

    def about_answers(self) -> tuple[str, ...]:
        """Return the versions of lm-eval and of the task, and the number of worked examples."""
        task = self._source.task
        made = "" if task.VERSION in {None, "Yaml"} else f" version {task.VERSION}"
        shots = task.config.num_fewshot or 0
        return (f"lm-eval {version('lm_eval')}, {self._source.name}{made}, {shots} worked examples",)

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split, every request, and what is scored."""
        requests = [one.args for question in self._test for one in question.requests]
        return self._hash(hash_of(self._splits), requests)

    def hash_of_questions(self, questions: Sequence[Example]) -> str:
        """Return the hash of some test questions, with their requests and what is scored."""
        asked = [question for one in questions if (question := self._question(one.id)) is not None]
        requests = [one.args for question in asked for one in question.requests]
        return self._hash(hash_of({"test": questions}), requests)

    def _hash(self, examples: str, requests: Sequence[Any]) -> str:
        scored = [(one.name, one.filter) for one in self._declared]
        return content_hash("\n".join(map(repr, [examples, self._source.task.VERSION, sorted(scored), *requests])))

    def _unanswered(self, question: Question) -> list[Any]:
        return [replace(one, resps=[], filtered_resps={}) for one in question.requests]

    def _answers(self, questions: Sequence[Question], requests: list[Any]) -> list[Answer]:
        """Return what the task makes of answered requests, which stand in the order of the questions."""
        task, name = self._source.task, self._source.name
        with lm_eval_errors(name, "answers cannot be scored"), lm_eval_seeds():
            task._instances = requests
            task.apply_filters()
            answers, left = [], iter(requests)
            for question in questions:
                own = [next(left) for _ in question.requests]
                found = {
                    one: task.process_results(question.doc, [each.filtered_resps[one] for each in own])
                    for one in own[0].filtered_resps
                }
                values, readings = values_of(self._source, self._declared, found)
                answers.append(Answer(_said(own), values, readings))
        return answers

    @cached_property
    def _test(self) -> Sequence[Question]:
        return self._source.questions("eval")[: self.options["test_size"]]

    def _question(self, name: str) -> Question | None:
        """Return a question of lm-eval that a model can be asked by the id of its example; None for other data."""
        return self._tested.get(name) or self._others.get(name)

    @cached_property
    def _tested(self) -> dict[str, Question]:
        return {one.example.id: one for one in self._test}

    @cached_property
    def _others(self) -> dict[str, Question]:
        parts = self._own_parts if self.options["train"] is None else ()
        return {one.example.id: one for part in parts for one in self._source.questions(part)}

    @property
    def _own_parts(self) -> tuple[Docs, ...]:
        """What the lm-eval task itself gives besides its test questions; nothing where it has nothing to train on."""
        if not self._source.has_training:
            return ()
        return ("training", "validation") if self._source.has_validation else ("training",)

    @cached_property
    def _splits(self) -> dict[Split, tuple[Example, ...]]:
        test = tuple(one.example for one in self._test)
        train, validation = self._other_data()
        asked = self._source.bare_prompts | {one.prompt for one in test}
        size = self.options["validation_size"]
        validation = [one for one in validation if one.prompt not in asked][:size]
        seen = {*asked, *(one.prompt for one in validation)}
        train = [one for one in train if one.prompt not in seen]
        if not validation:
            validation, train = train[-size:], train[:-size]
            seen = {one.prompt for one in validation}
            train = [one for one in train if one.prompt not in seen]
        if not train:
            raise InputError(
                f'task "{self.card.name}": no training examples are left after {size} for validation; lower '
                "validation_size, or name more training data with the option train"
            )
        return {"train": tuple(train[: self.options["train_size"]]), "validation": tuple(validation), "test": test}

    def _other_data(self) -> tuple[list[Example], list[Example]]:
        """Return training and validation examples; no validation examples where they are to be split off."""
        given = self.options["train"]
        if given is not None:
            return self._named_data(given)
        if not self._source.has_training:
            raise InputError(
                f'task "{self.card.name}" has no training split; name training data with its option train: a file, a '
                "data set of the hub, or another task"
            )
        parts = [
            [one.example for one in self._source.questions(part) if one.example.completion] for part in self._own_parts
        ]
        return parts[0], parts[1] if len(parts) > 1 else []

    def _named_data(self, given: str | Mapping[str, Any]) -> tuple[list[Example], list[Example]]:
        from paretune.tasks.registry import get_task, task_names

        wanted: Mapping[str, Any] = {"name": given} if isinstance(given, str) else given
        if isinstance(given, str) and (given == _OWN_DATA or given not in task_names()):
            wanted = {"name": _OWN_DATA, "options": {"path": given}}
        task = get_task(wanted["name"], wanted.get("options") or {})
        task.fit_options()
        train = list(task.examples("train"))
        if wanted["name"] == _OWN_DATA:
            train += task.examples("test")  # what is tested are the questions of lm-eval
        return train, list(task.examples("validation"))


@cache
def lm_eval_task(name: str) -> type[LmEvalTask]:
    """Return the class of a task by its name with the prefix; whether there is one shows when it is made."""
    told = f"The task {name.removeprefix(PREFIX)} of lm-evaluation-harness, with its prompts and metrics."

    class NamedLmEvalTask(LmEvalTask):
        card: ClassVar[TaskCard] = LmEvalTask.card.model_copy(update={"name": name, "description": told})

    return NamedLmEvalTask


def _said(requests: Sequence[Any]) -> str:
    """Return what a model wrote, or the likeliest of several texts."""
    first = requests[0].resps[0]
    if isinstance(first, str):
        return first
    asked = [one for one in requests if one.args[0]] or requests  # without a context: what a choice is corrected by
    likeliest = max(asked, key=lambda one: one.resps[0][0])
    return str(likeliest.args[1]).strip() if len(asked) > 1 else ""
