"""A metric of what a regular expression finds in an answer."""

from functools import cached_property, lru_cache
from typing import Any, ClassVar

from paretune.spec import InputError, Metric, Unit, one_line
from paretune.tasks.base import Example
from paretune.tasks.metrics.base import TextMetric
from paretune.tasks.readers import as_compared

_KEPT = 4096
"""Texts whose extractions are remembered: references are asked for again and again."""


class RegexMatch(TextMetric):
    """Right: a pattern finds the same in the answer as in the reference.

    The pattern is RE2's, by way of DuckDB: matching takes time that is linear in the text for any pattern, and the
    same pattern gives the same result on every machine. Look-around and back-references do not exist there.
    """

    metrics = (
        Metric(
            name="regex_match",
            label="Regex match",
            unit=Unit.FRACTION,
            definition="Share of answers in which the pattern first finds the same as in the reference, apart from "
            "case and white space.",
        ),
    )
    argument: ClassVar[str] = "PATTERN"

    def __init__(self, argument: str = "") -> None:
        """Take the pattern. Raises `InputError` for one that RE2 does not take."""
        import duckdb

        super().__init__(argument)
        self._extract = lru_cache(maxsize=_KEPT)(self._found)
        try:
            self._run("", 0)
        except duckdb.Error as error:
            raise InputError(f'metric "regex": pattern {argument!r}: {one_line(error)} (RE2\'s syntax)') from None
        try:
            self._run("", 1)
            self._group = 1
        except duckdb.Error:
            self._group = 0
        # Here these have the pattern.
        self.reference = f"text that the pattern {argument} matches"  # type: ignore[misc]
        definition = self.metrics[0].definition.replace("the pattern", f"the pattern {argument}", 1)
        self.metrics = (self.metrics[0].model_copy(update={"definition": definition}),)  # type: ignore[misc]

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return 1 or 0. Where nothing is found in the answer it is 0."""
        said, due = self._extract(text), self._extract(example.target)
        return {"regex_match": float(said is not None and said == due)}

    def takes(self, example: Example) -> bool:
        """Tell whether the pattern matches the reference."""
        return self._extract(example.target) is not None

    def _found(self, text: str) -> str | None:
        """Return the first group of the first match, or the whole match of a pattern without groups; else None."""
        found = self._run(text.encode(errors="replace").decode(), self._group)
        return None if found is None else as_compared(found)

    def _run(self, text: str, group: int) -> str | None:
        found: tuple[str | None] = self._connection.execute(
            "SELECT CASE WHEN regexp_matches($text, $pattern) THEN regexp_extract($text, $pattern, $group) END",
            {"text": text, "pattern": self.given, "group": group},
        ).fetchone()
        return found[0]

    @cached_property
    def _connection(self) -> Any:
        import duckdb

        return duckdb.connect(":memory:", config={"threads": 1})
