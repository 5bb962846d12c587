"""SQL over a study's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paretune.spec import METRICS, InputError, Record, one_line
from paretune.store.folder import Store, load_records
from paretune.store.items import items_schema, read_items_table

_KEYS = {
    "trial_id": "VARCHAR",
    "attempt": "BIGINT",
    "task": "VARCHAR",
    "method": "VARCHAR",
    "learning_rate": "DOUBLE",
    "seed": "BIGINT",
    "split": "VARCHAR",
    "outcome": "VARCHAR",
    "num_items": "BIGINT",
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
        metrics = _metric_names(records)
        columns = _KEYS | dict.fromkeys(map(_column, metrics), "DOUBLE")
        defined = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"CREATE TABLE records ({defined})")
        if records:
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO records VALUES ({marks})", [_values(record, metrics) for record in records]
            )
        connection.register("answers", _answers(Store(folder), records))
        connection.execute("CREATE TABLE items AS SELECT * FROM answers")
        connection.unregister("answers")
        connection.execute("SET enable_external_access = false")
        try:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise InputError(f"the SQL cannot be run: {one_line(error)}") from None


def _metric_names(records: Sequence[Record]) -> list[str]:
    """Return the names of all metrics: Paretune's own, and those that the records' tasks declare."""
    declared = [metric.name for record in records for metric in record.trial.task.metrics]
    return list(dict.fromkeys((*METRICS, *declared)))


def _column(metric: str) -> str:
    return f"metric_{metric}" if metric in _KEYS else metric


def _values(record: Record, metrics: Sequence[str]) -> list[Any]:
    trial = record.trial
    keys = [record.trial_id, record.attempt, trial.task.name, trial.method.label, trial.learning_rate, trial.seed]
    keys += [trial.split, record.outcome.kind, record.num_items]
    return keys + [record.metrics.get(name) for name in metrics]


def _answers(store: Store, records: list[Record]) -> Any:
    import pyarrow as pa

    tables = [read_items_table(store.items_file(record)) for record in records if record.has_answers]
    return pa.concat_tables(tables) if tables else items_schema().empty_table()
