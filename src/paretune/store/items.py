"""What became of each question of one trial, one row an item, in a Parquet file."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.spec import InputError, Record, TaskSpec, one_line
from paretune.store.earlier_items import earlier_cluster, item_id_today, with_scores

if TYPE_CHECKING:
    import pyarrow as pa


class Item(NamedTuple):
    """What became of one question, or of one caption that was drawn from one noise."""

    item_id: str
    group: str
    """The part of the questions it belongs to, such as "seen" or "unseen"."""
    scores: Mapping[str, float]
    """Its values by metric. Of a metric over the whole corpus it is the item's share in it, a jackknife pseudo-value:
    their mean is the metric, and their spread its standard error."""
    text: str
    """What the model wrote; of a drawing the caption."""
    target: str
    """The right answer; of a drawing the held-out picture."""
    cluster: str | None = None
    """What it shares with other questions, such as a template, a document or a customer; None where nothing."""


class QuestionScores(dict[str, float]):
    """The score of each question by its id."""

    clusters: Mapping[str, str]
    """The cluster of each question that has one."""

    def __init__(self, scores: Mapping[str, float], clusters: Mapping[str, str]) -> None:
        super().__init__(scores)
        self.clusters = clusters


def items_schema() -> "pa.Schema":
    """Return the columns of an items file: the trial and attempt it belongs to, then the fields of an item."""
    import pyarrow as pa

    text = dict.fromkeys(("item_id", "group", "text", "target", "cluster"), pa.string())
    kinds: dict[str, Any] = {"scores": pa.map_(pa.string(), pa.float64()), **text}
    fields = [(name, kinds[name]) for name in Item._fields]
    return pa.schema([("trial_id", pa.string()), ("attempt", pa.int64()), *fields])


def items_bytes(record: Record, items: Sequence[Item]) -> bytes:
    """Return the content of a record's items file."""
    import pyarrow as pa
    import pyarrow.parquet

    of = {"trial_id": record.trial_id, "attempt": record.attempt}
    rows = [{**of, **item._asdict(), "scores": list(item.scores.items())} for item in items]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=items_schema()), sink, compression="zstd")
    return sink.getvalue()


def read_items_table(path: Path) -> "pa.Table":
    """Return an items file as a table with the columns of `items_schema`; those of an earlier Paretune are lifted.

    Raises `InputError` when the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
        lifted = table if "scores" in table.column_names else with_scores(table)
        whole = pa.Table.from_arrays([_column(lifted, field) for field in items_schema()], schema=items_schema())
    except FileNotFoundError:
        raise InputError(f"{path}: the answers of this trial are missing; run the study with --retry") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged ({one_line(error)}); delete it and its record, then run again") from None
    return whole


def _column(table: "pa.Table", field: "pa.Field") -> Any:
    """Return a column, of nulls where the file has none: clusters came later."""
    import pyarrow as pa

    if field.name not in table.column_names:
        return pa.nulls(len(table), field.type)
    return table.column(field.name).cast(field.type)


def read_items(path: Path, task: TaskSpec) -> list[Item]:
    """Return the items of a file, in the order in which they were answered."""
    rows = read_items_table(path).select(Item._fields).to_pylist()
    items = [Item(**(row | {"scores": dict(row["scores"])})) for row in rows]
    return [item._replace(item_id=item_id_today(task, item.item_id)) for item in items]


def read_scores(path: Path, task: TaskSpec, metric: str) -> QuestionScores:
    """Return the value of a metric for each item of a file that has it.

    Clusters that older files do not hold are found where the task's ids tell them.
    """
    columns = read_items_table(path).select(["item_id", "scores", "cluster"]).columns
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    clusters = {name: cluster or earlier_cluster(task, name) for name, _, cluster in rows}
    scores = {name: dict(scores).get(metric) for name, scores, _ in rows}
    return QuestionScores(
        {item_id_today(task, name): score for name, score in scores.items() if score is not None},
        {item_id_today(task, name): cluster for name, cluster in clusters.items() if cluster is not None},
    )
