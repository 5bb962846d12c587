"""Numbers of 32 bits in Arrow data, as the shortest decimal number that they stand for."""

from typing import Any


def widened(batch: Any) -> Any:
    """Return an Arrow record batch with float32 as float64, in lists and structs too: 3.2, not 3.200000047683716.

    The same number in both is meant by the shortest decimal that reads as the float32.
    """
    import pyarrow as pa

    columns = [
        column if column.type == (wide := _with(column.type, pa.float64())) else _cast(column, wide)
        for column in batch.columns
    ]
    return pa.record_batch(columns, names=batch.schema.names)


def _cast(column: Any, wide: Any) -> Any:
    import pyarrow as pa

    return column.cast(_with(column.type, pa.string())).cast(wide)


def _with(kind: Any, other: Any) -> Any:
    """Return an Arrow type with another one in place of float32."""
    import pyarrow as pa

    if pa.types.is_float32(kind):
        return other
    if pa.types.is_list(kind):
        return pa.list_(_field_with(kind.value_field, other))
    if pa.types.is_struct(kind):
        return pa.struct([_field_with(kind.field(index), other) for index in range(kind.num_fields)])
    return kind


def _field_with(field: Any, other: Any) -> Any:
    return field.with_type(_with(field.type, other))
