"""Your own texts with labels, several labels or numbers, for a model with a head.

One row of each (docs/guide/own-data.md has them all):

    {"text": "Great film, go and see it", "label": "positive"}
    {"premise": "A man sleeps.", "hypothesis": "Nobody is awake.", "label": 1}
    {"text": "The battery died and nobody answered", "label": ["battery", "service"]}
    {"text": "Great film, go and see it", "score": 4.5}
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, get_args

from paretune.spec import InputError, LabelReport, RowsReport, TaskCard, TaskSpec
from paretune.tasks.base import Split
from paretune.tasks.classification import ClassificationTask, LabelledExample
from paretune.tasks.data.dataset import SHOWN_LABELS, Dataset
from paretune.tasks.data.own import OWN_ABOUT, OWN_KINDS, OWN_LOCATIONS, OWN_SIZES, SAME_GROUP, SOURCE, OwnRows
from paretune.tasks.data.table import TableRow
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.label_forms import guessed_problem, in_order, number_in, read_label
from paretune.tasks.label_scoring import SCORINGS, Label, Problem
from paretune.tasks.options import TEXT, Kind, or_null

_PROBLEMS: tuple[Problem, ...] = get_args(Problem)
_FEW_LABELS = 20
"""So many different labels are no sign of a wrong column, however few the rows."""


class OwnLabels(OwnRows, ClassificationTask):
    """Texts with labels; an answer is right when it is the row's."""

    card: ClassVar[TaskCard] = TaskCard(
        name="own_labels",
        version="1",
        description="Your own texts with labels, for an encoder or a language model with a head. Several labels are "
        "scored by F1, numbers by their squared error.",
        source=SOURCE,
        licence="yours",
        metrics=SCORINGS["single_label"].metrics,
        cluster_meaning=SAME_GROUP,
    )
    default_options: ClassVar[dict[str, Any]] = {
        "path": None,
        "validation_path": None,
        "test_path": None,
        "text": None,
        "label": None,
        "problem": None,
        "separator": None,
        "group": None,
        "split": None,
        "validation_fraction": 0.1,
        "test_fraction": 0.2,
        "max_validation": 1000,
        "max_test": 5000,
        "seed": 0,
    }
    about_options = {
        **OWN_ABOUT,
        "text": "Column of the texts, or two columns as A,B for pairs of texts; null: guessed, like the label.",
        "label": "Column of the labels.",
        "problem": "What a label is: single_label, several_labels or regression (a number); null: guessed.",
        "separator": "What stands between several labels of one text, such as a comma; lists need none.",
    }
    option_kinds = {
        **OWN_KINDS,
        **dict.fromkeys(("text", "label", "separator"), or_null(TEXT)),
        "problem": or_null(Kind(f"be one of {', '.join(_PROBLEMS)}", lambda value: value in _PROBLEMS)),
    }
    locations = OWN_LOCATIONS
    size_options = OWN_SIZES

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._require_path()

    def spec(self) -> TaskSpec:
        """Return this task as data, with the metrics of its problem."""
        assert self._labelled
        return super().spec()

    @property
    def rows(self) -> RowsReport:
        """What was read, and what of it is used. Raises `InputError` as `examples` does."""
        report = self._dataset.report
        unseen = self._unseen()
        several, places = self._dataset.contradictions()
        numbers = self.problem == "regression"
        found = LabelReport(
            problem=self.problem,
            guessed=self.options["problem"] is None and self._are_numbers,
            num_labels=len(self.labels),
            num_unseen={split: number for split, (number, _) in unseen.items() if number},
            unseen=in_order(label for _, labels in unseen.values() for label in labels),
            num_contradictions=0 if numbers else several,
            contradictions=() if numbers else places,
        )
        labels = {} if numbers else self._balance() if self.problem == "several_labels" else report.labels
        return report.model_copy(update={"labelled": found, "labels": labels})

    @cached_property
    def content_hash(self) -> str:
        """Hash over the problem and every example of every split."""
        hashed = hashlib.sha256(repr((self._labelled, self.labels)).encode())
        for split in SPLITS:
            for one in self.examples(split):
                hashed.update(repr((split, one.id, one.text, one.second, one.label)).encode())
        return hashed.hexdigest()[:16]

    @property
    def problem(self) -> Problem:  # type: ignore[override] # here it depends on the data
        """What a head says of a text: as the option has it, or as the labels look."""
        return self._labelled

    @cached_property
    def labels(self) -> Sequence[str]:  # type: ignore[override]
        """The labels of all splits; none where they are numbers."""
        return () if self._labelled == "regression" else in_order(self._different(*SPLITS))

    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return the examples of a split. Raises `InputError` naming file, row and column for what cannot be read."""
        assert self._labelled
        return self._dataset.rows(split, self._example)

    @cached_property
    def _dataset(self) -> Dataset:
        return Dataset(self._wanted(labelled=True))

    @cached_property
    def _labelled(self) -> Problem:
        """The problem, once the labels have been found fit for it."""
        given = {label for split in SPLITS for label in self._dataset.completions(split)}
        problem: Problem = self.options["problem"] or guessed_problem(given, self.options["separator"])
        self.card = OwnLabels.card.model_copy(update={"metrics": SCORINGS[problem].metrics})  # type: ignore[misc]
        where = f"{self.options['path']}: column {self._dataset.form.output}"
        try:
            found = {self._read(label, problem) for label in given}
        except ValueError as error:
            raise InputError(
                f"{where}: {error}; leave out problem = regression, or name the column of the numbers"
            ) from None
        self._check(problem, found, where)
        return problem

    def _check(self, problem: Problem, found: set[Label], where: str) -> None:
        """Refuse labels from which nothing can be learnt."""
        if len(found) < 2:
            (only,) = found
            raise InputError(
                f'{where}: every row has "{only}"; there is nothing to tell apart: name the column of the labels with '
                "--label (option label)"
            )
        num_rows = self._dataset.report.num_read
        if problem == "single_label" and len(found) > max(_FEW_LABELS, num_rows / 2):
            raise InputError(
                f"{where}: {len(found)} different labels in {num_rows} rows; name the column of the labels with "
                "--label (option label), or give --task-option problem=regression where they are numbers to be "
                "estimated"
            )
        train = set(self._dataset.completions("train"))
        if problem == "single_label" and not train & set(self._dataset.completions("test")):
            raise InputError(f"{where}: no label of the test data is in the training data; give both the same labels")

    def _example(self, row: TableRow) -> LabelledExample:
        label = self._read(row.completion, self._labelled)
        return LabelledExample(row.place, row.prompt, label, "all", row.cluster, row.second)

    def _read(self, text: str, problem: Problem) -> Label:
        return read_label(text, problem, self.options["separator"])

    def _different(self, *splits: Split) -> set[str]:
        """Return the different labels of some splits."""
        found = (self._read(text, self._labelled) for split in splits for text in self._dataset.completions(split))
        return {one for label in found for one in (label if isinstance(label, tuple) else (str(label),))}

    def _balance(self) -> dict[str, int]:
        """Return how many texts have each of several labels, the most frequent labels first."""
        counts: Counter[str] = Counter()
        for split in SPLITS:
            for text, number in self._dataset.completions(split).items():
                label = self._read(text, self._labelled)
                assert isinstance(label, tuple)
                counts.update(dict.fromkeys(label, number))
        return dict(counts.most_common(SHOWN_LABELS))

    @property
    def _are_numbers(self) -> bool:
        return self._labelled == "regression" or all(number_in(label) is not None for label in self.labels)

    def _unseen(self) -> dict[Split, tuple[int, set[str]]]:
        """Return, of validation and test, how many texts have a label that no training text has, and these labels."""
        if self._labelled == "regression":
            return {}
        known, found = self._different("train"), {}
        for split in SPLITS[1:]:
            number, strange = 0, set[str]()
            for text, count in self._dataset.completions(split).items():
                label = self._read(text, self._labelled)
                missing = {one for one in (label if isinstance(label, tuple) else (str(label),)) if one not in known}
                number, strange = number + count * bool(missing), strange | missing
            found[split] = number, strange
        return found
