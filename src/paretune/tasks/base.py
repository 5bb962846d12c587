"""What a task is: examples, how they are put to the model, and how an answer is scored."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

from paretune.spec import CAUSAL_LM, InputError, ModelKind, Recipe, RowsReport, TaskCard, TaskSpec, content_hash
from paretune.spec.metrics import DeclaredMetrics
from paretune.tasks.asking import Answer, CorpusMetric, Respondent, answer_of
from paretune.tasks.options import Kind, checked_options, under_todays_names

Split = Literal["train", "validation", "test"]


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    """ "system", "user" or "assistant"."""
    content: str


class Example(NamedTuple):
    """One worked example. `prompt + completion` is what training shows; `prompt` alone is what a question shows.

    Where `messages` are there and the tokenizer has a chat template, they are shown through it instead.
    """

    id: str
    prompt: str
    completion: str
    target: str
    """The final answer, as the readers return it."""
    group: str
    """The part of the questions it belongs to, such as "seen" or "unseen"."""
    cluster: str | None = None
    """What it shares with other questions, such as a template, a document or a customer; None where nothing."""
    messages: tuple[Message, ...] = ()
    """The example as a conversation, ending in the answer that is asked for. All its answers are learnt."""
    learns_prompt: bool = False
    """Whether the loss is on the prompt too, as in plain text."""
    choices: tuple[str, ...] = ()
    """The answers that can be chosen from, the target among them; empty where they are not listed."""
    picture: bytes | None = None
    """The file of the picture that the prompt is about; None where it is about none."""

    def answered(self, text: str) -> "Example":
        """Return the same question with another answer, after the same white space as its own."""
        space = self.completion[: len(self.completion) - len(self.completion.lstrip())]
        turns = (*self.messages[:-1], self.messages[-1]._replace(content=text)) if self.messages else ()
        return self._replace(completion=space + text, target=text, messages=turns)


class Score(dict[str, float]):
    """The values of an answer that is right or wrong, by metric name: 1 and 0.

    `strict`: right, and in the form that the task asks for. `lenient`: right, in any form. `published`: right by
    the rule of the benchmark's authors, where there is one.
    """

    def __init__(self, strict: bool, lenient: bool | None = None, published: bool | None = None) -> None:
        read = {"accuracy": strict, "accuracy_lenient": lenient, "accuracy_published": published}
        super().__init__({name: float(right) for name, right in read.items() if right is not None})


class AnyTask(ABC):
    """What every task has, for any kind of model.

    Guarantees every task gives: the same options give the same data in the same order on every machine.
    """

    card: ClassVar[TaskCard]
    default_options: ClassVar[Mapping[str, Any]] = {}
    about_options: ClassVar[Mapping[str, str]] = {}
    """What each option means, a line each."""
    option_kinds: ClassVar[Mapping[str, Kind]] = {}
    """What values an option may have; any where it has no kind. `paretune.tasks.options` has the kinds."""
    earlier_names: ClassVar[Mapping[str, str]] = {}
    """Options by the names they had earlier, with today's: both are accepted."""
    locations: ClassVar[tuple[str, ...]] = ()
    """The options that say where the data lies. The same data elsewhere is the same task."""
    size_options: ClassVar[Mapping[Split, str]] = {}
    """The options that limit how many examples validation and test have, by split: a budget of time lowers them."""
    later_options: ClassVar[tuple[str, ...]] = ()
    """Options that came into being after records had been made: at their default they are no part of a trial."""
    kind: ClassVar[ModelKind]
    """The kind of base model that it is put to, by its name in `paretune.kinds`."""
    answers: ClassVar[str] = "no text"
    """What is answered, in words: "images"."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        given = under_todays_names(self.card.name, options or {}, self.earlier_names)
        self.options: dict[str, Any] = checked_options(self.card.name, given, self.default_options, self.option_kinds)

    @cached_property
    @abstractmethod
    def content_hash(self) -> str:
        """Hash over everything that the task yields."""

    @property
    def earlier_content_hash(self) -> str | None:
        """The hash that records of an earlier Paretune hold for the same data, where it was another."""
        return None

    def fit_options(self) -> None:  # noqa: B027 # most tasks have no such options
        """Set the options that were not given and follow from the data, for a new trial: kept ones record them.

        Raises `InputError` for options that do not go with the data, and for data that cannot be used.
        """

    def questions(self, split: Split) -> Mapping[str, str]:  # noqa: ARG002
        """Return what is asked, in words, by the ids of the items; empty where nothing is. Raises as examples do."""
        return {}

    def question_images(self, split: Split) -> Mapping[str, bytes]:  # noqa: ARG002
        """Return the images that are asked about, as files, by the ids of the items. Raises as examples do."""
        return {}

    def in_words(self) -> "Task":
        """Return itself as a task whose answers are texts. Raises `InputError` where it is none."""
        raise InputError(f'task "{self.card.name}": its answers are {self.answers}, and a text task is needed here')

    def spec(self) -> TaskSpec:
        """Return this task as data, for a trial."""
        return self.spec_with(self.content_hash, self.card.metrics)

    def spec_with(self, content: str, metrics: DeclaredMetrics) -> TaskSpec:
        """Return this task as data, with the hash of what is asked and what of its scores counts."""
        silent = {name for name in self.later_options if self.options[name] == self.default_options[name]}
        return TaskSpec(
            name=self.card.name,
            version=self.card.version,
            options={name: value for name, value in self.options.items() if name not in silent},
            content_hash=content,
            kind=self.kind,
            locations=self.locations,
            metrics=metrics,
        )


class Task(AnyTask):
    """A task in words. Subclasses set `card` and `default_options` and write three short methods.

    Guarantees every such task gives besides: no prompt is in two splits; `score` never raises, for any text.
    """

    kind: ClassVar[ModelKind] = CAUSAL_LM
    answers: ClassVar[str] = "texts"
    max_new_tokens: ClassVar[int | None]
    """Tokens an answer may take; None: as many as the longest reference needs."""
    stop: ClassVar[tuple[str, ...]] = ("\n\n", "\nQuestion:")
    """Generation of an answer ends before the first of these."""
    corpus_metrics: Mapping[str, CorpusMetric] = {}
    """How the metrics that the card declares per corpus are computed, by name."""
    generates: ClassVar[bool] = True
    """Whether models write answers. A task that asks in another way overrides `ask` and sets this to false."""

    @property
    def rows(self) -> RowsReport | None:
        """What became of the rows of a person's own data; None where the data comes with the task."""
        return None

    @abstractmethod
    def examples(self, split: Split) -> Sequence[Example]:
        """Return all examples of a split. May raise `InputError` for data or options that cannot be used."""

    def questions(self, split: Split) -> Mapping[str, str]:
        """Return the prompts by the ids of the examples."""
        return {example.id: example.prompt for example in self.examples(split)}

    def question_images(self, split: Split) -> Mapping[str, bytes]:
        """Return the images that examples have, by the ids of the examples."""
        return {example.id: example.picture for example in self.examples(split) if example.picture is not None}

    def in_words(self) -> "Task":
        """Return itself."""
        return self

    @abstractmethod
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        """Return the values of a generated text by metric: of all that the card declares per item. Never raises."""

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Put questions to a model and return its answers: by default what it writes, with the values of `score`."""
        return [answer_of(text, one, self) for text, one in zip(model.write(examples), examples, strict=True)]

    def check_recipe(self, recipe: Recipe) -> None:  # most tasks go with any
        """Raise `InputError` for a recipe that does not go with the task: called before anything runs."""

    def about_answers(self) -> tuple[str, ...]:
        """Return what a record should say of how the answers were scored that `ask` returned last."""
        return ()

    def why_no_reference(self, example: Example) -> str | None:  # noqa: ARG002
        """Return why no answer to an example could have the best values there are, None where one can."""
        return None

    @classmethod
    def sample(cls) -> Example | None:
        """Return a training example to show what the task asks, or None where that needs data from elsewhere."""
        return None

    def hash_of_questions(self, questions: Sequence[Example]) -> str:
        """Return the hash of some test questions, which changes wherever they would be put or scored otherwise."""
        return hash_of({"test": questions})

    def few_shot(self, num_shots: int) -> str:
        """Return the text put before a prompt to show `num_shots` worked training examples."""
        shots = self.examples("train")[:num_shots] if num_shots else ()
        return "".join(f"{shot.prompt}{shot.completion}\n\n" for shot in shots)

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split. What examples share with each other does not change them."""
        splits: tuple[Split, ...] = ("train", "validation", "test")
        return hash_of({split: self.examples(split) for split in splits})


def hash_of(examples: Mapping[Split, Iterable[Example]]) -> str:
    """Return the hash of the examples of all splits, without what they share with each other."""
    pictured = [one._replace(picture=_digest(one.picture)) for split in examples.values() for one in split]
    shown = [(*example[:5], *filter(None, example[6:])) for example in pictured]
    return content_hash("\n".join(map(repr, shown)))


def _digest(picture: bytes | None) -> bytes | None:
    return None if picture is None else hashlib.sha256(picture).digest()
