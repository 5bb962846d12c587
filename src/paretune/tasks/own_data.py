"""Your own data, in any common form: files, folders and data sets of the hub.

One row of each form (docs/guide/own-data.md has them all):

    {"prompt": "What is the capital of Peru?", "completion": "Lima"}
    {"instruction": "Translate into French.", "input": "Good day", "output": "Bonjour"}
    {"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}]}
    {"text": "Great film, go and see it", "label": "positive"}
    {"text": "Plain text, for language modelling."}
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, RowsReport, TaskCard
from paretune.tasks.base import Example, Score, Split, Task
from paretune.tasks.data.dataset import Dataset
from paretune.tasks.data.forms import Chosen
from paretune.tasks.data.wanted import Wanted
from paretune.tasks.options import TEXT, TRUTH, number_between, or_null, whole_number
from paretune.tasks.readers import is_answer

_STOP = ("\n\n", "\nQuestion:")


class OwnData(Task):
    """Prompts and completions, conversations, labelled texts or plain text; an answer is right when it is the row's."""

    card: ClassVar[TaskCard] = TaskCard(
        name="own_data",
        version="2",
        description="Your own data, in any common form. Right: the same text, case and spaces aside.",
        source="a file, a folder or a data set of the hub, given by the option path",
        licence="yours",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"]),
    )
    default_options: ClassVar[dict[str, Any]] = {
        "path": None,
        "validation_path": None,
        "test_path": None,
        "prompt": None,
        "completion": None,
        "text": None,
        "label": None,
        "group": None,
        "split": None,
        "chat_template": True,
        "validation_fraction": 0.1,
        "test_fraction": 0.2,
        "max_validation": 500,
        "max_test": 1000,
        "max_new_tokens": None,
        "seed": 0,
    }
    about_options = {
        "path": "Your data: a JSONL, JSON, CSV, TSV, Parquet or text file, a folder of them, hub:NAME@REVISION:FILE or "
        "hf:NAME@REVISION. Required; --data sets it.",
        "validation_path": "Data of the validation examples; null: the data's own split, or split off from path.",
        "test_path": "Data of the test examples, likewise.",
        "prompt": "Column of the prompts, or several as A,B; null: guessed, like the next three.",
        "completion": "Column of the completions.",
        "text": "Column of the texts, or several as A,B: with label to be labelled, alone for language modelling.",
        "label": "Column of the labels.",
        "group": "Column of what rows share, such as a customer: no value is in two splits, and intervals and tests "
        'account for it. Without it a column called "group" counts for intervals and tests alone.',
        "split": 'Column that names each row\'s split. A column called "split" is used by default.',
        "chat_template": "Show examples through the tokenizer's chat template, where it has one.",
        "validation_fraction": "Share of the prompts that is split off for validation.",
        "test_fraction": "Share of the prompts that is split off for the test.",
        "max_validation": "Most validation examples that are split off.",
        "max_test": "Most test examples that are split off.",
        "max_new_tokens": "Longest answer that is generated, in tokens; null: what the longest reference needs.",
        "seed": "Seed of the split.",
    }
    option_kinds = {
        **dict.fromkeys(("prompt", "completion", "text", "label", "group", "split"), or_null(TEXT)),
        **dict.fromkeys(("validation_fraction", "test_fraction"), number_between(0, 0.5)),
        **dict.fromkeys(("max_validation", "max_test"), whole_number()),
        "chat_template": TRUTH,
        "max_new_tokens": or_null(whole_number()),
        "seed": whole_number(0),
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "max_validation", "test": "max_test"}
    earlier_names = {"prompt_column": "prompt", "completion_column": "completion"}
    locations = ("path", "validation_path", "test_path")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if not self.options["path"]:
            raise InputError('task "own_data": option path is missing; name a file, a folder or hf:NAME@REVISION')
        self.max_new_tokens = self.options["max_new_tokens"]  # type: ignore[misc] # here it depends on the options

    @property
    def rows(self) -> RowsReport:
        """What was read, and what of it is used. Raises `InputError` as `examples` does."""
        return self._dataset.report

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split."""
        return self._dataset.content_hash

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` naming file, row and column for what cannot be read."""
        return self._dataset.examples(split, as_chat=self.options["chat_template"])

    @cached_property
    def stop(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the usual stop strings that no completion holds."""
        return tuple(text for text in _STOP if not self._dataset.holds(text))

    def score(self, text: str, example: Example) -> Score:
        """Strict: the whole text. Lenient: the text begins with the answer, or its last number is the answer."""
        return Score(*is_answer(text, example.target))

    @cached_property
    def _dataset(self) -> Dataset:
        options = self.options
        sources: list[tuple[str, Split | None]] = [(str(options["path"]), None)]
        splits: tuple[Split, ...] = ("validation", "test")
        sources += [(str(options[f"{one}_path"]), one) for one in splits if options[f"{one}_path"]]
        names = ("prompt", "completion", "text", "label", "group", "split")
        columns: dict[str, str | None] = {name: options[name] for name in names}
        wanted = Wanted(
            sources=tuple(sources),
            chosen=Chosen(*(columns[name] for name in Chosen._fields)),
            group=columns["group"],
            split=columns["split"],
            validation_fraction=options["validation_fraction"],
            test_fraction=options["test_fraction"],
            max_validation=options["max_validation"],
            max_test=options["max_test"],
            seed=options["seed"],
        )
        return Dataset(wanted)
