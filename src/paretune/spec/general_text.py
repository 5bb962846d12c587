"""The text on which forgetting is measured, where a study brings its own."""

from pydantic import Field

from paretune.spec.base import Data

BUILT_IN_TEXT = "the first 96 tokens of each of 24 English passages of State of the Union addresses, 1790 to 2021"
"""The text that comes with Paretune, on which forgetting is measured where a study names no other."""


class GeneralText(Data):
    """General text that is not part of any task, as a study names it and as a trial holds it."""

    source: str = Field(min_length=1)
    """A .jsonl, .json, .csv, .parquet or .txt file (a text a line), or `hub:NAME@REVISION:FILE`."""
    column: str = "text"
    """The column that holds the text."""
    num_texts: int = Field(default=100, ge=2)
    """The first N texts are read."""
    min_characters: int = Field(default=0, ge=0)
    """Shorter texts are passed over."""
    max_tokens: int = Field(default=768, ge=2)
    """Tokens of each text that are read."""
    content_hash: str | None = None
    """Hash over the texts, filled in when trials are planned."""

    @property
    def identity(self) -> str:
        """Canonical JSON of what makes two texts the same, wherever they lie."""
        return self.canonical_json(exclude={"source"})
