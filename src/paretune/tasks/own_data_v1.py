"""Version 1 of own data, which studies that were begun with it go on with: prompts and completions of one file.

One row of JSONL:

    {"prompt": "What is the capital of Peru?", "completion": " Lima"}
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, TaskCard, TaskSpec
from paretune.tasks.base import Example, Score, Split, Task, hash_of
from paretune.tasks.options import TEXT, number_between, or_null, whole_number
from paretune.tasks.readers import is_answer
from paretune.tasks.rows import read_rows


class OwnDataV1(Task):
    """Prompts and completions from a file; an answer is right when it is the completion."""

    card: ClassVar[TaskCard] = TaskCard(
        name="own_data",
        version="1",
        description="Your own prompts and completions. Right: the same text, case and spaces aside.",
        source="a file on your disk, given by the option path",
        licence="yours",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"]),
        superseded_by="own_data, version 2",
    )
    default_options: ClassVar[dict[str, Any]] = {
        "path": None,
        "validation_path": None,
        "test_path": None,
        "prompt_column": "prompt",
        "completion_column": "completion",
        "validation_fraction": 0.1,
        "test_fraction": 0.2,
        "max_new_tokens": 64,
        "seed": 0,
        "group": None,
    }
    about_options = {
        "path": "Your file: .jsonl, .csv, .json or .parquet. Required.",
        "validation_path": "File of the validation examples; without it they are split off from path.",
        "test_path": "File of the test examples; without it they are split off from path.",
        "prompt_column": "Column of the prompts.",
        "completion_column": "Column of the completions.",
        "validation_fraction": "Share of the examples that is split off for validation.",
        "test_fraction": "Share of the examples that is split off for the test.",
        "max_new_tokens": "Longest answer that is generated, in tokens.",
        "seed": "Seed of the split.",
        "group": "Column whose value related questions share, such as a document or a customer: intervals and tests "
        'account for it. A column called "group" is used by default.',
    }
    option_kinds = {
        "group": or_null(TEXT),
        **dict.fromkeys(("prompt_column", "completion_column"), TEXT),
        **dict.fromkeys(("validation_fraction", "test_fraction"), number_between(0, 0.5)),
        "max_new_tokens": whole_number(),
    }
    locations = ("path", "validation_path", "test_path")
    max_new_tokens = 64

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        if not self.options["path"]:
            raise InputError('task "own_data": option path is missing; name a .jsonl, .csv, .json or .parquet file')
        self.max_new_tokens = self.options["max_new_tokens"]  # type: ignore[misc] # here it depends on the options

    def spec(self) -> TaskSpec:
        """Return this task as data; without the option group it is the same as before there was one."""
        spec = super().spec()
        if self.options["group"] is not None:
            return spec
        return spec.model_copy(update={"options": {k: v for k, v in spec.options.items() if k != "group"}})

    @property
    def earlier_content_hash(self) -> str:
        """The hash from when an example's id began with the name of its file."""
        return hash_of({split: [self._earlier(split, one) for one in self.examples(split)] for split in self._splits})

    def _earlier(self, split: Split, example: Example) -> Example:
        name = Path(self.options.get(f"{split}_path") or self.options["path"]).name
        return example._replace(id=example.id.replace("row ", f"{name}:"))

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` naming file, line and column for what cannot be read."""
        return self._splits[split]

    def score(self, text: str, example: Example) -> Score:
        """Strict: the whole text. Lenient: the text begins with the answer, or its last number is the answer."""
        return Score(*is_answer(text, example.target))

    @cached_property
    def _splits(self) -> dict[Split, tuple[Example, ...]]:
        rows = self._unique(self._read(self.options["path"]), set())
        random.Random(f"own_data {self.options['seed']}").shuffle(rows)
        taken = {row.prompt for row in rows}
        apart: dict[Split, list[Example]] = {}
        splits: tuple[Split, Split] = ("test", "validation")
        sizes = {split: round(self.options[f"{split}_fraction"] * len(rows)) for split in splits}
        for split in splits:
            path = self.options[f"{split}_path"]
            if path is not None:
                apart[split] = self._unique(self._read(path), taken)
                taken |= {row.prompt for row in apart[split]}
            else:
                size = max(1, sizes[split])
                apart[split], rows = rows[:size], rows[size:]
        for split, found in {**apart, "train": rows}.items():
            if not found:
                raise InputError(f"{self.options['path']}: too few different prompts, none is left for {split}")
        return {"train": tuple(rows), "validation": tuple(apart["validation"]), "test": tuple(apart["test"])}

    def _read(self, name: str) -> Iterator[Example]:
        path = Path(name)
        columns = [self.options["prompt_column"], self.options["completion_column"]]
        for line, row in read_rows(path):
            for column in columns:
                if not isinstance(row.get(column), str) or not row[column]:
                    present = ", ".join(str(key) for key in row)
                    raise InputError(f'{path}, line {line}: no text in column "{column}"; the row has: {present}')
            prompt, completion = (row[column] for column in columns)
            spaced = completion if completion[0].isspace() or prompt[-1].isspace() else f" {completion}"
            cluster = self._cluster(row, f"{path}, line {line}")
            yield Example(f"row {line}", prompt, spaced, completion.strip(), "all", cluster)

    def _cluster(self, row: Mapping[str, Any], where: str) -> str | None:
        """Return what a row has in the column of groups; a column "group" is used without being named."""
        column = self.options["group"]
        value = row.get(column or "group")
        missing = value is None or value == ""
        if column is not None and missing:
            present = ", ".join(str(key) for key in row)
            raise InputError(f'{where}: nothing in column "{column}", the option group; the row has: {present}')
        return None if missing else str(value)

    @staticmethod
    def _unique(rows: Iterator[Example], taken: set[str]) -> list[Example]:
        """Return the rows whose prompt is neither in `taken` nor earlier: no prompt may be in two splits."""
        kept: dict[str, Example] = {}
        for row in rows:
            if row.prompt not in taken:
                kept.setdefault(row.prompt, row)
        return list(kept.values())
