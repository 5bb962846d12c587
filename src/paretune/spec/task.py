"""What a task is, as data."""

from typing import Any

from paretune.spec.base import Data, later


class TaskEntry(Data):
    """A task as a study names it."""

    name: str
    """The task's name in the registry."""
    options: dict[str, Any] = {}
    """The task's own options; their names and defaults are the task's."""


class TaskSpec(Data):
    """A task with its version and options fixed, and the hash of the very data it yields."""

    name: str
    version: str
    """Changes whenever the same options would yield other data, another prompt or another score."""
    options: dict[str, Any] = {}
    """All options, defaults included."""
    content_hash: str | None
    """Hash over every example of every split, in order; None where the data is not at hand (imported results)."""
    locations: tuple[str, ...] = later(())
    """The options that say where the data lies. They are no part of the task's identity: the content's hash is."""

    @property
    def identity(self) -> str:
        """Canonical JSON of what makes two tasks the same, wherever their data lies."""
        return self.canonical_json(exclude=self.unidentifying)

    @property
    def unidentifying(self) -> dict[str, Any]:
        """What is no part of the identity, as `canonical_json` excludes it."""
        return {"locations": True, "options": set(self.locations)}


class TaskCard(Data):
    """What a person should know about a task."""

    name: str
    version: str
    description: str
    source: str
    """Where the data comes from, with its pinned revision."""
    licence: str
    main_metric: str
    superseded_by: str | None = None
