"""Which split a row belongs to: by a hash of its content, so that no other row can move it."""

import re
import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from paretune.tasks.base import Split
from paretune.tasks.data.wanted import SPLITS

_IGNORED = re.compile(r"[\W_]+")
_IGNORED_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())
"""The same for ASCII, where bytes are faster."""
_DIGEST_BYTES = 8


def normalised(text: str) -> str:
    """Return a text without what scoring overlooks: case, spaces and punctuation; equal for nearly equal texts.

    A text of signs alone keeps its signs.
    """
    if text.isascii():
        folded = text.lower()
        return folded.encode().translate(None, _IGNORED_ASCII).decode() or "".join(folded.split())
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _IGNORED.sub("", folded) or "".join(folded.split())


def digest(text: str) -> int:
    """Return 64 bits of a text's BLAKE2 hash: the same on every machine."""
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest(), "big")


def salted(key: int, seed: int) -> int:
    """Return 64 bits that place a row in the order of all rows, by the hash of what may not be on two sides."""
    return digest(f"{seed} {key}")


def sides_of(places: Any, fractions: Mapping[Split, float]) -> Any:
    """Return the split of each salted hash, as an int8 index into `SPLITS`; a split that is not named gets nothing."""
    shares = places / float(1 << 64)
    test = fractions.get("test", 0.0)
    rest = np.where(shares < test + fractions.get("validation", 0.0), SPLITS.index("validation"), SPLITS.index("train"))
    return np.where(shares < test, SPLITS.index("test"), rest).astype(np.int8)
