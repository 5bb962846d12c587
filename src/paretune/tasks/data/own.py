"""What every task on a person's own data has: where it is read from, which columns count, and how it is split."""

from functools import cached_property
from typing import Any

from paretune.spec import InputError, RowsReport
from paretune.tasks.base import AnyTask, Split
from paretune.tasks.data.dataset import Dataset
from paretune.tasks.data.forms import Chosen
from paretune.tasks.data.wanted import Wanted
from paretune.tasks.options import TEXT, Kind, number_between, or_null, whole_number

ALWAYS = "always"
"""Value of the option chat_template: prompts that hold the marks of a chat template go through one, too."""
SOURCE = "a file, a folder or a data set of the hub, given by the option path"
SAME_GROUP = "rows with the same value in the column of --group"
"""What a cluster of a person's own data holds."""
OWN_LOCATIONS = ("path", "validation_path", "test_path")
OWN_ABOUT: dict[str, str] = {
    "path": "Your data: a JSONL, JSON, CSV, TSV, Parquet or text file, a folder of them, hub:NAME@REVISION:FILE or "
    "hf:NAME@REVISION. Required; --data sets it.",
    "validation_path": "Data of the validation examples; null: the data's own split, or split off from path.",
    "test_path": "Data of the test examples, likewise.",
    "group": "Column of what rows share, such as a customer: no value is in two splits, and intervals and tests "
    'account for it. Without it a column called "group" counts for intervals and tests alone.',
    "split": 'Column that names each row\'s split. A column called "split" is used by default.',
    "validation_fraction": "Share of the prompts that is split off for validation.",
    "test_fraction": "Share of the prompts that is split off for the test.",
    "max_validation": "Most validation examples that are split off.",
    "max_test": "Most test examples that are split off.",
    "seed": "Seed of the split.",
}
OWN_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("group", "split"), or_null(TEXT)),
    **dict.fromkeys(("validation_fraction", "test_fraction"), number_between(0, 0.5)),
    **dict.fromkeys(("max_validation", "max_test"), whole_number()),
    "seed": whole_number(0),
}


OWN_SIZES: dict[Split, str] = {"validation": "max_validation", "test": "max_test"}


class OwnRows(AnyTask):
    """A task whose examples are the rows of a person's own data. Its options include those of `OWN_ABOUT`."""

    def _require_path(self) -> None:
        """Raise `InputError` where no data is named."""
        if not self.options["path"]:
            raise InputError(
                f'task "{self.card.name}": option path is missing; name a file, a folder or hf:NAME@REVISION'
            )

    @property
    def rows(self) -> RowsReport:
        """What was read, and what of it is used. Raises `InputError` as `examples` does."""
        return self._dataset.report

    @cached_property
    def _dataset(self) -> Dataset:
        """The data, read when it is first asked for. Raises `InputError` for what cannot be read or recognised."""
        return Dataset(self._wanted(labelled=False))

    def _wanted(self, *, labelled: bool) -> Wanted:
        options = self.options
        sources: list[tuple[str, Split | None]] = [(str(options["path"]), None)]
        splits: tuple[Split, ...] = ("validation", "test")
        sources += [(str(options[f"{one}_path"]), one) for one in splits if options[f"{one}_path"]]
        chosen: dict[str, Any] = {name: options.get(name) for name in Chosen._fields}
        return Wanted(
            sources=tuple(sources),
            chosen=Chosen(**chosen),
            group=options["group"],
            split=options["split"],
            choices=options.get("choices"),
            image=options.get("image_column"),
            image_prompt=options.get("image_prompt"),
            validation_fraction=options["validation_fraction"],
            test_fraction=options["test_fraction"],
            max_validation=options["max_validation"],
            max_test=options["max_test"],
            seed=options["seed"],
            labelled=labelled,
            templates_turns=options.get("chat_template") == ALWAYS,
        )
