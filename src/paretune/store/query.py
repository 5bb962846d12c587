"""SQL over a study's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretune.spec import METRICS, InputError, Record, one_line
from paretune.store.folder import Store, load_records
from paretune.store.items import items_schema, read_items_table

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = {
    "trial_id": "string",
    "attempt": "int64",
    "task": "string",
    "method": "string",
    "learning_rate": "double",
    "seed": "int64",
    "split": "string",
    "outcome": "string",
    "num_items": "int64",
}


def query(folder: str | Path, sql: str) -> list[dict[str, Any]]:
    """Run one SQL statement (DuckDB's dialect) and return its rows.

    Table `records`: the latest record of each trial, with trial_id, attempt, task, method, learning_rate, seed, split,
    outcome, num_items and a column for every metric, null where it was not measured; a metric that is called like one
    of the others is in metric_NAME. Table `items`: one row a question,
    with trial_id, attempt and the fields of `Item`; `scores['accuracy']` is a value of its map `scores`. The statement
    can read nothing else.

    Raises `InputError` when the folder cannot be read or the statement is wrong.
    """
    import duckdb

    records = load_records(folder)
    with duckdb.connect(":memory:") as connection:
        connection.register("found", records_table(records))
        connection.execute("CREATE TABLE records AS SELECT * FROM found")
        connection.unregister("found")
        connection.register("answers", _answers(Store(records.folder), records))
        connection.execute("CREATE TABLE items AS SELECT * FROM answers")
        connection.unregister("answers")
        connection.execute("SET enable_external_access = false")
        try:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise InputError(f"the SQL cannot be run: {one_line(error)}") from None


def records_table(records: Sequence[Record]) -> "pa.Table":
    """Return the table `records` of `query`: one row a record, in the order of `records`."""
    import pyarrow as pa

    metrics = _metric_names(records)
    columns = _KEYS | dict.fromkeys(map(column_of, metrics), "double")
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])
    rows = [dict(zip(columns, _values(record, metrics), strict=True)) for record in records]
    return pa.Table.from_pylist(rows, schema=schema)


def column_of(metric: str) -> str:
    """Return the column that holds a metric, by the metric's name."""
    return f"metric_{metric}" if metric in _KEYS else metric


def _metric_names(records: Sequence[Record]) -> list[str]:
    """Return the names of all metrics: Paretune's own, and those that the records' tasks declare."""
    declared = [metric.name for record in records for metric in record.trial.task.metrics]
    return list(dict.fromkeys((*METRICS, *declared)))


def _values(record: Record, metrics: Sequence[str]) -> list[Any]:
    trial = record.trial
    keys = [record.trial_id, record.attempt, trial.task.name, trial.method.label, trial.learning_rate, trial.seed]
    keys += [trial.split, record.outcome.kind, record.num_items]
    return keys + [record.metrics.get(name) for name in metrics]


def _answers(store: Store, records: list[Record]) -> Any:
    import pyarrow as pa

    tables = [read_items_table(store.items_file(record)) for record in records if record.has_answers]
    return pa.concat_tables(tables) if tables else items_schema().empty_table()
