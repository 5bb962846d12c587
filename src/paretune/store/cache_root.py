"""Where Paretune keeps what it can get again."""

import os
from pathlib import Path

from platformdirs import user_cache_dir

CACHE_VARIABLE = "PARETUNE_CACHE"


def cache_root() -> Path:
    """Return the folder of everything that can be fetched again: the variable PARETUNE_CACHE, or the user's cache."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given).expanduser() if given else Path(user_cache_dir("paretune"))
