"""What Paretune says of a study with documents and seeds is what a second count says."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.recount import cluster_sums, compare, on_front, read, tied_for_best
from paretune.report import results_json
from paretune.spec import Record
from paretune.store import Item, Store
from tests.records import make_record, make_study

ACCURACIES = {"base": 0.5, "lora": 0.8, "dora": 0.78, "oft": 0.72, "ia3": 0.65, "vera": 0.45}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of made-up records whose items lie in documents of one to four, two seeds each."""
    rng = np.random.default_rng(3)
    documents = [f"d{place}" for place in range(150) for _ in range(1 + place % 4)]
    hard = {name: rng.normal() for name in dict.fromkeys(documents)}
    store = Store(tmp_path / "made")
    with store.open_for_study(make_study(methods=[*ACCURACIES])):
        for label, accuracy in ACCURACIES.items():
            for seed in (0,) if label == "base" else (0, 1):
                chances = accuracy + rng.normal(0, 0.02) - 0.1 * np.array([hard[name] for name in documents])
                store.append(*_recorded(label, seed, documents, chances, rng))
    return tmp_path / "made"


def _recorded(
    label: str, seed: int, documents: list[str], chances: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Record, list[Item]]:
    right = (rng.random(len(documents)) < chances).astype(float)
    items = [
        Item(f"i{place:03}", "all", {"accuracy": float(one), "accuracy_lenient": float(one)}, "", "", name if
             documents.count(name) > 1 else None)
        for place, (one, name) in enumerate(zip(right, documents, strict=True))
    ]  # fmt: skip
    made = make_record(label, seed=seed)
    metrics = made.metrics | {"accuracy": float(right.mean()), "train_peak_bytes": 1e9 + 1e6 * len(label) + seed}
    if label == "base":
        del metrics["train_peak_bytes"]
    return made.model_copy(update={"metrics": metrics, "num_items": len(items)}), items


def test_both_counts_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(folder)
    rows = results_json(store.records(), store.scores)["rows"]
    assert compare(folder, rows) == 0
    assert "6 methods, 373 items, 150 clusters: 0 rows differ" in capsys.readouterr().out
    tied = {row["method"] for row in rows if row["standing"]["tied_for_best"]}
    assert {"lora"} <= tied < set(ACCURACIES)


def test_a_row_that_differs_is_counted(folder: Path) -> None:
    store = Store(folder)
    rows = results_json(store.records(), store.scores)["rows"]
    rows[1]["metrics"]["accuracy"] += 0.001
    assert compare(folder, rows) == 1


def test_the_parts_of_the_second_count(folder: Path) -> None:
    _, scores, clusters = read(folder)
    assert tied_for_best({"lora": scores["lora"]}, clusters, set()) == {"lora"}
    assert cluster_sums(scores["lora"].iloc[0].to_numpy(), clusters).sum() == pytest.approx(0)
    accuracy = {"a": 0.9, "b": 0.8, "c": 0.7, "base": 0.75}
    assert on_front(accuracy, {"a": 2.0, "b": 1.0, "c": 0.5}, {"base"}) == {"a", "b"}
