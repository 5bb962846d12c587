"""What a task is, as data."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, model_validator

from paretune.spec.base import Data, later
from paretune.spec.kinds import CAUSAL_LM, ModelKind
from paretune.spec.metrics import DeclaredMetrics, Metric, earlier_metrics, metric_table

EARLIER_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "image_concept": {
        "noises": "samples_per_prompt",
        "drift_noises": "drift_samples_per_prompt",
        "gallery_noises": "gallery_samples_per_prompt",
    }
}
"""By task: options that were renamed since there are records, by their first name. Both names are read; the identity
keeps the first one, so the ids of earlier trials stay what they were."""


class TaskEntry(Data):
    """A task as a study names it."""

    name: str
    """The task's name in the registry."""
    options: dict[str, Any] = {}
    """The task's own options; their names and defaults are the task's."""
    version: str | None = later(None)
    """The task's version, where it is not the latest."""


class TaskSpec(Data):
    """A task with its version and options fixed, and the hash of the very data it yields."""

    name: str
    version: str
    """Changes whenever the same options would yield other data, another prompt or another score."""
    options: dict[str, Any] = {}
    """All options, defaults included."""
    content_hash: str | None
    """Hash over every example of every split, in order; None where the data is not at hand (imported results)."""
    kind: ModelKind = later(CAUSAL_LM)
    """The kind of base model that it is put to. It follows from name and version, so it is no part of the identity."""
    locations: tuple[str, ...] = later(())
    """The options that say where the data lies. They are no part of the task's identity: the content's hash is."""
    metrics: DeclaredMetrics = later(())
    """What the task scores, the main metric first, so that a record explains itself without the task's code. Empty in
    records from before tasks declared it, and in imported ones. It is no part of the identity: the version is."""

    @model_validator(mode="before")
    @classmethod
    def _options_by_their_names_today(cls, value: Any) -> Any:
        """Rename options of earlier records."""
        if not isinstance(value, dict) or not isinstance(options := value.get("options"), dict):
            return value
        names = EARLIER_OPTIONS.get(str(value.get("name")), {})
        return value | {"options": {names.get(name, name): option for name, option in options.items()}}

    def scored(self, measured: Iterable[str]) -> tuple[Metric, ...]:
        """Return what the task scores, the main metric first; where it does not say, by the names of what it has."""
        return self.metrics or earlier_metrics(measured)

    @property
    def table(self) -> Mapping[str, Metric]:
        """Every metric by name that records of the task may hold."""
        return metric_table(self.metrics)

    @property
    def identity(self) -> str:
        """Canonical JSON of what makes two tasks the same, wherever their data lies."""
        return self.as_identified.canonical_json(exclude=self.unidentifying)

    @property
    def as_identified(self) -> "TaskSpec":
        """The same task with its options under their first names, as they count in its identity."""
        first = {today: name for name, today in EARLIER_OPTIONS.get(self.name, {}).items()}
        return self.model_copy(
            update={"options": {first.get(name, name): value for name, value in self.options.items()}}
        )

    @property
    def unidentifying(self) -> dict[str, Any]:
        """What is no part of the identity, as `canonical_json` excludes it."""
        return {"kind": True, "locations": True, "metrics": True, "options": set(self.locations)}


class TaskCard(Data):
    """What a person should know about a task."""

    name: str
    version: str
    description: str
    source: str
    """Where the data comes from, with its pinned revision."""
    licence: str
    metrics: DeclaredMetrics = Field(min_length=1)
    """What the task scores. The first is the main metric, which methods are ranked by."""
    parts: dict[str, str] = {}
    """What the named parts (`group`) of the test questions hold, as it stands after "seen: "."""
    cluster: str = "cluster"
    """What questions that are alike share, in the singular: "template". Its plural ends in "s"."""
    cluster_meaning: str = ""
    """What such a cluster holds where its name does not say it: "sentences of one document"."""
    superseded_by: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _metrics_by_name(cls, value: Any) -> Any:
        """Let a card name its main metric alone, where it is one of Paretune's own."""
        if isinstance(value, dict) and "metrics" not in value and "main_metric" in value:
            rest = {key: part for key, part in value.items() if key != "main_metric"}
            return rest | {"metrics": earlier_metrics([value["main_metric"]])}
        return value

    @property
    def main_metric(self) -> Metric:
        """The metric that methods are ranked by."""
        return self.metrics[0]
