"""A task of lm-eval as it is loaded: its questions with the requests that they make, and its training examples."""

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from paretune.spec import InputError, one_line
from paretune.tasks.asking import Writing
from paretune.tasks.base import Example
from paretune.tasks.harness.files import task_file

INSTALL = 'pip install "paretune[lm-eval]"'
_FEWSHOT_SEED = 1234
"""lm-eval's default for all seeds but that of `random`, which is 0."""
_KNOWN_SETTINGS = {"until", "max_gen_toks", "do_sample", "temperature", "top_p", "num_beams", "use_cache"}
Docs = Literal["training", "validation", "eval"]


class Question(NamedTuple):
    """A question, and what the harness asks a model for it."""

    example: Example
    doc: Any
    requests: tuple[Any, ...]
    """Instances as lm-eval makes them, with no answers yet."""


class Source:
    """One task, loaded."""

    def __init__(self, name: str, task: Any) -> None:
        self.name = name
        self.task = task
        self._built: dict[Docs, tuple[Question, ...]] = {}

    @property
    def output_type(self) -> str:
        """What is asked: "multiple_choice", "loglikelihood" or "generate_until"."""
        return str(self.task.OUTPUT_TYPE)

    @cached_property
    def writing(self) -> Writing | None:
        """How answers are written; None where none are. Raises `InputError` for settings that Paretune lacks."""
        if self.output_type != "generate_until":
            return None
        return writing_of(self.name, self.questions("eval")[0].requests[0].args[1])

    def questions(self, which: Docs) -> Sequence[Question]:
        """Return all questions of a part, in lm-eval's order; those that training shows come without shots.

        Raises `InputError` where the task's own code fails.
        """
        if which not in self._built:
            with lm_eval_errors(self.name, "its questions cannot be made"), lm_eval_seeds():
                self.task.set_fewshot_seed(_FEWSHOT_SEED)
                shots = (self.task.config.num_fewshot or 0) if which == "eval" else 0
                docs = getattr(self.task, f"{which}_docs")
                docs = docs if which == "eval" else docs()
                self._built[which] = tuple(self._question(which, number, doc, shots) for number, doc in enumerate(docs))
        return self._built[which]

    @cached_property
    def bare_prompts(self) -> frozenset[str]:
        """The prompts of the test questions as they are without worked examples."""
        if not self.task.config.num_fewshot:
            return frozenset(one.example.prompt for one in self.questions("eval"))
        with lm_eval_errors(self.name, "its questions cannot be made"):
            docs = enumerate(self.task.eval_docs)
            return frozenset(self._question("eval", number, doc, 0).example.prompt for number, doc in docs)

    @property
    def has_training(self) -> bool:
        """Whether it has a split to train on."""
        return bool(self.task.has_training_docs())

    @property
    def has_validation(self) -> bool:
        """Whether it has a validation split that it does not test on."""
        return bool(self.task.has_validation_docs() and self.task.has_test_docs())

    def _question(self, which: Docs, number: int, doc: Any, shots: int) -> Question:
        task = self.task
        plain: dict[str, Any] = {"apply_chat_template": False, "chat_template": None}
        context = task.fewshot_context(
            doc, num_fewshot=shots, system_instruction=None, fewshot_as_multiturn=False,
            gen_prefix=task.doc_to_prefix(doc), **plain,
        )  # fmt: skip
        repeats = getattr(task.config, "repeats", 1) or 1
        made = task.construct_requests(doc=doc, ctx=context, metadata=(self.name, number, repeats), **plain)
        requests = tuple(made) if isinstance(made, list) else (made,)
        prompt, completion = self._reference(doc, requests)
        choices = tuple(dict.fromkeys(one.args[1].strip() for one in requests)) if len(requests) > 1 else ()
        name = f"{'test' if which == 'eval' else which}-{number}"
        return Question(Example(name, prompt, completion, completion.strip(), "all", choices=choices), doc, requests)

    def _reference(self, doc: Any, requests: Sequence[Any]) -> tuple[str, str]:
        """Return prompt and right answer of a question; no answer where the data has none."""
        task = self.task
        target = task.doc_to_target(doc)
        target = (target or [None])[0] if isinstance(target, list) else target
        if self.output_type == "generate_until":
            if task.config.doc_to_choice is not None and isinstance(target, int):
                target = task.doc_to_choice(doc)[target]
            delimiter = getattr(task.config, "target_delimiter", " ")
            return requests[0].args[0], "" if target is None else f"{delimiter}{target}"
        if len(requests) == 1:
            return requests[0].args[0], requests[0].args[1]
        if getattr(task, "multiple_input", 0):
            target = task.doc_to_text(doc)
        places = [place for place, one in enumerate(requests) if one.args[1].strip() == str(target).strip()]
        place = target if isinstance(target, int) else next(iter(places), -1)
        there = 0 <= place < len(requests)
        one = requests[place if there else 0]
        return one.args[0], one.args[1] if there else ""


def writing_of(name: str, settings: Any) -> Writing:
    """Return generation settings of lm-eval as ours. Raises `InputError` for those that Paretune lacks."""
    from lm_eval.models.utils import normalize_gen_kwargs

    given = normalize_gen_kwargs(settings or {})
    strange = [one for one, value in given.items() if one not in _KNOWN_SETTINGS or (one == "num_beams" and value != 1)]
    if strange:
        raise InputError(f'task "lm-eval:{name}": Paretune cannot generate with {", ".join(strange)}')
    stop = tuple(one for one in given["until"] if one)
    return Writing(given["max_gen_toks"], stop, given["temperature"], float(given.get("top_p", 1.0)))


@lru_cache(maxsize=8)
def load_source(name: str, include_path: str | None, num_fewshot: int | None) -> Source:
    """Return a task of lm-eval, its data loaded: once in a process.

    Raises `InputError`, one line, where lm-eval is missing, for an unknown name, for data that cannot be had, and for
    a task that Paretune cannot put to a model.
    """
    found = find_spec("lm_eval")
    if found is None or found.origin is None:
        raise InputError(f'task "lm-eval:{name}" needs the package lm-eval: {INSTALL}')
    packaged = Path(found.origin).parent / "tasks"
    file = task_file(name, None if include_path is None else Path(include_path), packaged)
    if not file.is_relative_to(packaged):
        _sandbox_templates()
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # defaults that a task's file leaves out are no news here
    with lm_eval_errors(name, "its data cannot be loaded"), lm_eval_seeds(), _no_bars():
        tasks = TaskManager(include_defaults=False).load(str(file))["tasks"]
        task: Any = tasks[name]
        if num_fewshot is not None:
            task.set_config("num_fewshot", num_fewshot)
    if reason := _why_not(task):
        raise InputError(f'task "lm-eval:{name}" {reason}')
    return Source(name, task)


def _why_not(task: Any) -> str | None:
    if getattr(task, "UNSAFE_CODE", False):
        return "runs programs that models write; the tasks code_problems and human_eval do so in a sandbox"
    if getattr(task, "MULTIMODAL", False):
        return "needs images or sound, and lm-eval's tasks are put to language models here"
    if task.OUTPUT_TYPE not in {"multiple_choice", "loglikelihood", "generate_until"}:
        return "asks for the perplexity of whole texts; --data FILE --metric perplexity does so on your own texts"
    return None


@contextmanager
def lm_eval_errors(name: str, what: str) -> Iterator[None]:
    """Raise what lm-eval, its data or a task's own code raises as an `InputError` of one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # code of many authors
        raise InputError(f'task "lm-eval:{name}": {what}: {type(error).__name__}: {one_line(error)}') from error


@contextmanager
def lm_eval_seeds() -> Iterator[None]:
    """Set the seeds that lm-eval sets, and put back what was there: some tasks draw from their data."""
    import numpy as np

    states = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(_FEWSHOT_SEED)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _no_bars() -> Iterator[None]:
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _sandbox_templates() -> None:
    """Let lm-eval fill in templates in Jinja's sandbox: those of a person's own folder may come from strangers."""
    from jinja2 import BaseLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment
    from lm_eval import utils

    if not isinstance(utils.env, SandboxedEnvironment):
        sandboxed = SandboxedEnvironment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
        sandboxed.filters.update(utils.env.filters)
        utils.env = sandboxed
