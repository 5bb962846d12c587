"""What `benchmarks.gpu.quantised` finds out: rows, the file that keeps them, and the table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from paretune.spec import InputError

FORMATS = ("bfloat16", "nf4", "int8")
NOT_BEGUN = "not begun"


class Settings(NamedTuple):
    """What is the same for all rows of a file."""

    device: Literal["cuda", "cpu"]
    tokens: int
    batch_size: int
    steps: int
    gpu: str | None

    @property
    def words(self) -> str:
        """The settings in words."""
        return f"batch of {self.batch_size} x {self.tokens} tokens, {self.steps} steps"


@dataclass
class Row:
    """A method on a base model: what was measured and predicted, or why not. Bytes are peaks of training."""

    model: str
    format: str
    method: str
    step_seconds: float | None = None
    allocated_bytes: int | None = None
    """By the GPU's allocator; on a CPU, bytes of live tensors."""
    reserved_bytes: int | None = None
    base_bytes: int | None = None
    """Allocated for the base model alone."""
    base_reserved_bytes: int | None = None
    measured_on: str = ""
    not_measured: str = ""
    predicted_bytes: int | None = None
    predicted_reserved_bytes: int | None = None
    not_predicted: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells the rows of a file apart."""
        return self.model, self.format, self.method

    @property
    def measured_words(self) -> str:
        """What was measured, in words."""
        if self.step_seconds is None or self.allocated_bytes is None:
            return f"not measured: {self.not_measured or NOT_BEGUN}"
        text = f"{self.step_seconds * 1e3:.1f} ms a step, {self.allocated_bytes / 1e9:.3f} GB allocated"
        return text if self.reserved_bytes is None else f"{text}, {self.reserved_bytes / 1e9:.3f} GB reserved"

    def take(self, other: "Row") -> None:
        """Take over what another row says was predicted."""
        self.predicted_bytes, self.predicted_reserved_bytes = other.predicted_bytes, other.predicted_reserved_bytes
        self.not_predicted = other.not_predicted


def write_rows(path: Path, settings: Settings, rows: Sequence[Row]) -> None:
    """Write the file anew; a file is there as a whole at every moment."""
    value = {"settings": settings._asdict(), "rows": [asdict(row) for row in rows]}
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, indent=1), encoding="utf-8")
    part.replace(path)


def kept_rows(path: Path, settings: Settings, asked: Sequence[Row]) -> list[Row]:
    """Return the rows of a file, then those that are asked for and not in it. An absent file has none.

    Raises `InputError` for a file that is none of this script, or was made with other settings.
    """
    if not path.parent.is_dir():
        raise InputError(f"--out {path}: there is no folder {path.parent}")
    if not path.exists():
        return list(asked)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        found, rows = value["settings"], [Row(**row) for row in value["rows"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"--out {path}: not a file of this script ({error}); name another one") from None
    for name, wanted in settings._asdict().items():
        if found.get(name) != wanted:
            raise InputError(f"--out {path}: made with {name} = {found.get(name)}, not {wanted}; name another file")
    known = {row.key for row in rows}
    return [*rows, *(row for row in asked if row.key not in known)]


def table(rows: Sequence[Row]) -> str:
    """Return all rows as a table in Markdown, with ratios of step times to bfloat16 and of predicted to measured.

    Below it is a line for each value that is missing, with the reason.
    """
    in_bfloat16 = {(row.model, row.method): row.step_seconds for row in rows if row.format == "bfloat16"}
    head = (
        "model", "method", "format", "step ms", "to bfloat16", "allocated GB", "predicted GB", "ratio", "reserved GB",
        "predicted GB", "ratio", "base GB",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    missing = []
    for row in rows:
        name = f"{row.model} {row.format} {row.method}"
        step = ["not measured", "-"]
        if row.step_seconds is not None:
            plain = in_bfloat16.get((row.model, row.method))
            step = [f"{row.step_seconds * 1e3:.1f}", f"{row.step_seconds / plain:.2f}" if plain else "-"]
        else:
            missing.append(f"{name}: {row.measured_words}")
        if row.predicted_bytes is None:
            missing.append(f"{name}: not predicted: {row.not_predicted or NOT_BEGUN}")
        cells = [row.model, row.method, row.format, *step, *_pair(row.allocated_bytes, row.predicted_bytes)]
        cells += _pair(row.reserved_bytes, row.predicted_reserved_bytes)
        lines.append(f"| {' | '.join([*cells, _gigabytes(row.base_bytes)])} |")
    return "\n".join([*lines, *(["", *missing] if missing else [])])


def _pair(measured: int | None, predicted: int | None) -> list[str]:
    ratio = f"{predicted / measured:.4f}" if measured and predicted else "-"
    return [_gigabytes(measured), _gigabytes(predicted), ratio]


def _gigabytes(number: int | None) -> str:
    return "-" if number is None else f"{number / 1e9:.4g}"
