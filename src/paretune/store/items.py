"""The answers of one trial, one row a question, in a Parquet file."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.spec import InputError, Record, TaskSpec, one_line
from paretune.store.earlier_items import earlier_cluster, item_id_today

if TYPE_CHECKING:
    import pyarrow as pa


class ItemPicture(NamedTuple):
    """What became of one caption that was drawn from one noise."""

    item_id: str
    group: str
    score: float
    """Cosine of the judge's features of the drawing and of the held-out picture."""
    text: str
    """The caption."""
    target: str
    """The held-out picture."""


class ItemAnswer(NamedTuple):
    """What became of one question."""

    item_id: str
    group: str
    """The part of the questions it belongs to, such as "seen" or "unseen"."""
    strict: bool
    """Right, and in the form that the task asks for."""
    lenient: bool
    """Right, whatever the form."""
    text: str
    """What the model wrote."""
    target: str
    """The right answer."""
    published: bool | None = None
    """Right by the rule of the benchmark's authors; None where the task has no such rule."""
    cluster: str | None = None
    """What it shares with other questions, such as a template, a document or a customer; None where nothing."""


class QuestionScores(dict[str, float]):
    """The score of each question by its id."""

    clusters: Mapping[str, str]
    """The cluster of each question that has one."""

    def __init__(self, scores: Mapping[str, float], clusters: Mapping[str, str]) -> None:
        super().__init__(scores)
        self.clusters = clusters


Item = ItemAnswer | ItemPicture


_STRICT = ItemAnswer._fields.index("strict")


def items_schema() -> "pa.Schema":
    """Return the columns of an items file: the trial and attempt it belongs to, then the fields of an item.

    What an item does not have is null: `strict` and its like of a picture, `score` of an answer.
    """
    import pyarrow as pa

    columns: list[tuple[str, Any]] = [("trial_id", pa.string()), ("attempt", pa.int64())]
    for name, kind in {**ItemAnswer.__annotations__, **ItemPicture.__annotations__}.items():
        columns.append((name, _column_type(kind)))
    return pa.schema(columns)


def _column_type(kind: Any) -> "pa.DataType":
    import pyarrow as pa

    return {str: pa.string(), str | None: pa.string(), float: pa.float64()}.get(kind, pa.bool_())


def items_bytes(record: Record, items: Sequence[Item]) -> bytes:
    """Return the content of a record's items file."""
    import pyarrow as pa
    import pyarrow.parquet

    rows = [{"trial_id": record.trial_id, "attempt": record.attempt, **item._asdict()} for item in items]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=items_schema()), sink, compression="zstd")
    return sink.getvalue()


def read_items_table(path: Path) -> "pa.Table":
    """Return an items file as a table with the columns of `items_schema`.

    Raises `InputError` when the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(path, schema=items_schema())
    except FileNotFoundError:
        raise InputError(f"{path}: the answers of this trial are missing; run the study with --retry") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged ({one_line(error)}); delete it and its record, then run again") from None


def read_items(path: Path, task: TaskSpec) -> list[ItemAnswer]:
    """Return the answers in an items file, in the order in which they were given; none where it holds pictures."""
    columns = [column.to_pylist() for column in read_items_table(path).select(ItemAnswer._fields).columns]
    answers = [ItemAnswer(*values) for values in zip(*columns, strict=True) if values[_STRICT] is not None]
    return [answer._replace(item_id=item_id_today(task, answer.item_id)) for answer in answers]


def read_scores(path: Path, task: TaskSpec) -> QuestionScores:
    """Return, for each question in an items file, 1 where the answer was right in the form asked for, else 0.

    For a picture it is its score. Clusters that older files do not hold are found where the task's ids tell them.
    """
    columns = read_items_table(path).select(["item_id", "strict", "score", "cluster"]).columns
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    clusters = {name: cluster or earlier_cluster(task, name) for name, _, _, cluster in rows}
    return QuestionScores(
        {item_id_today(task, name): float(right if score is None else score) for name, right, score, _ in rows},
        {item_id_today(task, name): cluster for name, cluster in clusters.items() if cluster is not None},
    )
