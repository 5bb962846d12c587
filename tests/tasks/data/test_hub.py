"""Data sets of the hub, through the package datasets or not at all."""

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks.data.read import source_rows
from paretune.tasks.own_data import OwnData


class Split:
    """What the package returns for one split: rows, and the features of their columns."""

    def __init__(self, number: int, first: int) -> None:
        self.features = {"text": SimpleNamespace(dtype="string"), "label": SimpleNamespace(names=["bad", "good"])}
        self._rows = [{"text": f"text {first + n}", "label": -1 if n == 3 else n % 2} for n in range(number)]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a package in the place of datasets, and return what it is asked for."""
    calls: list[Any] = []

    def load_dataset(name: str, config: str | None, *, revision: str) -> dict[str, Split]:
        calls.append((name, config, revision))
        if name == "absent/set":
            raise FileNotFoundError("no such data set\nanywhere")
        if name == "several/ways":
            return {"train_sft": Split(40, 0), "test_sft": Split(10, 100), "validation_matched": Split(10, 200)}
        return {"train": Split(40, 0), "test": Split(10, 100)}

    package = ModuleType("datasets")
    package.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", package)
    return calls


def test_splits_are_kept_and_labels_are_words(asked: list[Any]) -> None:
    report = OwnData({"path": "hf:owner/name@1.0:plain"}).rows
    assert asked == [("owner/name", "plain", "1.0")]
    assert report.num_kept["test"] == 9
    assert report.labels.keys() == {"bad", "good"}
    assert {one.reason: one.first for one in report.dropped} == {
        'nothing in column "label"': ("train row 4", "test row 4")
    }


@pytest.mark.usefixtures("asked")
def test_a_split_s_name_may_hold_further_words() -> None:
    report = OwnData({"path": "hf:several/ways@main"}).rows
    assert report.num_kept == {"train": 39, "validation": 9, "test": 9}
    assert report.split_by == "the data itself (train, validation, test)"


def test_a_set_that_cannot_be_had_is_one_line(asked: list[Any]) -> None:
    with pytest.raises(InputError, match="cannot be had from the hub: no such data set") as caught:
        list(source_rows("hf:absent/set@main", lambda _: None))
    assert "\n" not in str(caught.value)


def test_without_the_package_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r'needs the package datasets; run pip install "paretune\[datasets\]"'):
        list(source_rows("hf:owner/name@main", lambda _: None))
