"""Model configs that come with Paretune, so that a well-known model needs no network to be looked at."""

from functools import cache
from pathlib import Path

CARRIED = Path(__file__).parent / "shapes"


@cache
def carried_shapes() -> dict[str, Path]:
    """Return the config files that come with Paretune, by the model's name on the hub."""
    return {path.stem.replace("--", "/"): path for path in sorted(CARRIED.glob("*.json"))}
