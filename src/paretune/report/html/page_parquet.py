"""All rows of the page as one Parquet file, which the page carries for download."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any


def parquet_of(rows: Mapping[str, Any], views: Sequence[Mapping[str, Any]]) -> str:
    """Return rows, as `rows_data` hands them over, as a Parquet file in letters and digits (base64).

    Its columns are those of the page's other downloads, in base units: bytes, seconds, shares from 0 to 1.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    task_of = {view["key"]: view["label"] for view in views}
    columns: dict[str, Any] = {
        "method": pa.array(rows["label"], pa.string()),
        "task": pa.array([task_of.get(key, key) for key in rows["view"]], pa.string()),
    }
    for facet in rows["facets"]:
        columns[facet["key"]] = pa.array([facet["values"][place] for place in facet["places"]], pa.string())
    columns |= {
        "main_metric": pa.array(rows["quality"], pa.string()),
        "interval_low": pa.array(rows["low"], pa.float64()),
        "interval_high": pa.array(rows["high"], pa.float64()),
        "tied_for_best": pa.array(map(bool, rows["tied"]), pa.bool_()),
    }
    columns |= {name: pa.array(values, pa.float64()) for name, values in rows["metrics"].items()}
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, compression="zstd")
    return base64.b64encode(written.getvalue()).decode("ascii")
