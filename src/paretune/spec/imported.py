"""What a record holds besides its values when the result was made elsewhere."""

from typing import Any

from paretune.spec.base import Data


class Imported(Data):
    """Marks a result that Paretune did not make: other training loops, other clocks, other definitions."""

    source: str
    """Whose result it is, such as "peft's method comparison"."""
    file: str
    """Name of the file that it was read from."""
    covers: dict[str, str] = {}
    """For values whose definition leaves it open: what their clock or memory reading covers, by metric."""
    placeholders: dict[str, str] = {}
    """What stood in the place of a value that is missing, by metric: "99999999" for a size, "NaN"."""
    rest: dict[str, Any] = {}
    """Everything in the file that has no field of its own here, in its own layout."""
