"""Parquet columns that are not text are written as a person would write them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData


def task_of(folder: Path, **columns: Any) -> OwnData:
    pq.write_table(pa.table(columns), folder / "data.parquet")
    return OwnData({"path": str(folder / "data.parquet")})


def targets(task: OwnData) -> dict[str, str]:
    """Return the completion of each row, by its place."""
    return {one.id: one.target for split in SPLITS for one in task.examples(split)}


def test_binary_columns_are_decoded(tmp_path: Path) -> None:
    prompts = [f"question {n}: größer?".encode() for n in range(40)]
    answers = pa.array([b"\xff\xfe", *(f"answer {n}".encode() for n in range(1, 40))], pa.binary())
    task = task_of(tmp_path, prompt=pa.array(prompts, pa.binary()), completion=answers)
    assert targets(task) == {f"row {n + 1}": f"answer {n}" for n in range(1, 40)}
    (dropped,) = task.rows.dropped
    assert (dropped.reason, dropped.first) == ("bytes that are not UTF-8", ("row 1",))


def test_numbers_of_32_bits_are_written_in_their_shortest_form(tmp_path: Path) -> None:
    prompts = [f"question {n}" for n in range(40)]
    numbers = pa.array([None, *(n / 10 for n in range(1, 40))], pa.float32())
    written = {f"row {n + 1}": f"{n / 10:g}" for n in range(1, 40)}
    assert targets(task_of(tmp_path, prompt=prompts, completion=numbers)) == written
    listed = pa.array([None, *([n / 10, 0.1] for n in range(1, 40))], pa.list_(pa.float32()))
    assert targets(task_of(tmp_path, prompt=prompts, completion=listed)) == written
    nested = pa.StructArray.from_arrays([numbers, pa.array(prompts)], ["answer", "note"])
    assert targets(task_of(tmp_path, question=prompts, data=nested)) == written
