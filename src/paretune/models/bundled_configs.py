"""Model configs that come with Paretune, so that a well-known model needs no network to be looked at."""

from functools import cache
from pathlib import Path

CARRIED = Path(__file__).parent / "shapes"
CONFIG = "config.json"


@cache
def carried_shapes() -> dict[str, Path]:
    """Return the config files that come with Paretune, by the model's name on the hub.

    Of a model that reads images it lies in a folder with its processor, whose tokenizer has one token for each letter:
    the tokens of an image are the model's own, those of a text are not.
    """
    files = {path.stem: path for path in CARRIED.glob("*.json")}
    files |= {path.parent.name: path for path in CARRIED.glob(f"*/{CONFIG}")}
    return {name.replace("--", "/"): path for name, path in sorted(files.items())}
