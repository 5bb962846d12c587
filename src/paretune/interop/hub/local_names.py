"""What a record tells of the machine that it was made on, and the same without: of an absolute path the last part."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from paretune.spec import Record, Study

_END = r"""[^\s"'`<>|:;,()\[\]{}*?\\/]"""
"""A letter of a path's part. Parts with spaces are known by their place alone."""
_PATHS = re.compile(
    rf"""
    (?: file://[\w.-]* | (?<![\w/.<\[~]) (?: ~[\w.-]* )? ) / {_END}+ / (?: {_END}+ /? )+   # /a/b, ~c/a/b, file:///a/b
    | ~ / {_END}+                                                                        # ~/a
    | (?<!\w) [A-Za-z]:[\\/] [\w.-]{{2,}} [\\/] (?: {_END}+ [\\/]? )*                      # C:\a\b
    | \\\\ [\w.$-]{{2,}} \\ (?: {_END}+ \\? )+                                             # \\host\a
    """,
    re.VERBOSE,
)
_ONE_PART = re.compile(rf"(?<![\w/.<\[~:])(?:[A-Za-z]:[\\/]|/)(?=[A-Za-z_.])({_END}+)")
"""A path of one part: taken for one in messages alone, since a setting may hold "/end"."""
_HOME = re.compile(r"(?:file://)?(?:/home|/Users|[A-Za-z]:[\\/]Users)[\\/][^\\/]+[\\/]?", re.IGNORECASE)
_HAS_PARTS = re.compile(r"[\\/].*\w")
"""What tells a path from a name, and from a root."""
_ELSEWHERE = re.compile(r"(?:hub|hf|pypi|shipped|toy):")
_MESSAGES = frozenset({"message", "notes", "model_note", "reason", "error_msg"})
"""Fields that hold what libraries and the system said."""
_SHORTEST_WORD = 3


class LocalNames:
    """Takes paths, and the names of a user and a machine, out of plain JSON values.

    Guarantees: what a path becomes depends on the path alone, so equal values stay equal; text without paths stays as
    it is.
    """

    def __init__(self, places: Iterable[str] = (), words: Iterable[str] = (), home: str = "") -> None:
        """`places` are paths that are known to be some, also relative ones and those with spaces.

        `words` are names of users and machines, which are looked for in messages alone. `home` is replaced by "~".
        """
        known = {place: last_part(place) for place in places if _HAS_PARTS.search(place)}
        if _HAS_PARTS.search(home):
            known[home] = "~"
        self._known = [
            (re.compile(rf"(?<![\w/.\\]){re.escape(place)}(?!\w)"), name)
            for place, name in sorted(known.items(), key=lambda pair: -len(pair[0]))
        ]
        found = [re.escape(word) for word in words if len(word) >= _SHORTEST_WORD]
        self._words = re.compile(rf"\b(?:{'|'.join(found)})\b") if found else None
        self.shortened: set[str] = set()
        """What was taken out, as it stood."""

    def removed(self, value: Any, key: str = "") -> Any:
        """Return a plain JSON value without them. `key` is the field that holds it."""
        match value:
            case str():
                return "" if key == "traceback" else self.text(value, is_message=key in _MESSAGES)
            case Mapping():
                return {name: self.removed(one, name) for name, one in value.items()}
            case list() | tuple():
                return [self.removed(one, key) for one in value]
            case _:
                return value

    def text(self, text: str, *, is_message: bool = False) -> str:
        """Return a text without them; one part of a path, users and machines count in messages alone."""
        for place, name in self._known:
            text = place.sub(lambda match, name=name: self._short(match[0], name), text)  # type: ignore[misc]
        text = _PATHS.sub(lambda match: self._short(match[0], last_part(match[0])), text)
        if is_message:
            text = _ONE_PART.sub(lambda match: self._short(match[0], match[1]), text)
            if self._words is not None:
                text = self._words.sub(lambda match: self._short(match[0], "…"), text)
        return text

    def _short(self, whole: str, name: str) -> str:
        self.shortened.add(whole)
        return name


def last_part(path: str) -> str:
    """Return the last part of a path, "~" for the home folder of a user, whose name it is."""
    if _HOME.fullmatch(path):
        return "~"
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    return parts[-1] if parts else ""


def places_in(records: Iterable[Record], study: Study) -> list[str]:
    """Return where records and study say that data and base models lie on a disk."""
    records = list(records)
    tasks = [record.trial.task for record in records]
    tasks += [skill.task for record in records for skill in record.trial.skills]
    locations = {name for task in tasks for name in task.locations}
    options = [task.options for task in tasks] + [entry.options for entry in (*study.tasks, *study.skills)]
    found = [one.get(name) for one in options for name in locations]
    texts = [study.general_text, *(record.trial.general_text for record in records)]
    found += [text.source for text in texts if text is not None]
    found += [model.removeprefix("path:") for model in (study.base_model, *(one.trial.base_model for one in records))]
    return sorted({one for one in found if isinstance(one, str) and not _ELSEWHERE.match(one)})
