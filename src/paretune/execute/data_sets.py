"""The data of a study, each set read once while the study is planned and checked."""

import json
from collections.abc import Mapping
from typing import Any

from paretune.kinds import kind_of
from paretune.spec import GeneralText, Skill, SkillEntry, TaskSpec
from paretune.tasks import (
    AnyTask,
    SkillQuestions,
    Split,
    get_any_task,
    named_skill,
    read_general_text,
    skill_of,
    task_of,
)


class DataSets:
    """Tasks and general texts, kept from when they are first asked for. Files that change later are not noticed."""

    def __init__(self) -> None:
        self._tasks: dict[str, AnyTask] = {}
        self._fitted: dict[str, AnyTask] = {}
        self._texts: dict[str, tuple[str, ...]] = {}
        self._skills: dict[str, SkillQuestions] = {}

    def task(self, name: str, options: Mapping[str, Any], version: str | None = None) -> AnyTask:
        """Return the task of new trials, with the options that its data asks for, of its latest version unless another
        is named.

        Raises `InputError` for a name, an option or a version that does not exist, and for data that cannot be used.
        """
        task = get_any_task(name, options, version)
        asked = f"{sorted(options)} {_key(task)}"
        if asked not in self._fitted:
            task.fit_options()
            self._fitted[asked] = self._kept(task)
        return self._fitted[asked]

    def planned(self, spec: TaskSpec) -> AnyTask:
        """Return the task of a trial. Raises `InputError` for a name, an option or a version that does not exist."""
        return self._kept(task_of(spec))

    def _kept(self, task: AnyTask) -> AnyTask:
        return self._tasks.setdefault(_key(task), task)

    def sizes(self, name: str, options: Mapping[str, Any], version: str | None = None) -> dict[Split, int]:
        """Return how many examples each split of a task has. Raises `InputError` for data that cannot be used."""
        task = self.task(name, options, version)
        splits: tuple[Split, ...] = ("train", "validation", "test")
        return {split: kind_of(task).num_examples(task, split) for split in splits}

    def texts(self, wanted: GeneralText) -> tuple[str, ...]:
        """Return general texts in the file's order. Raises `InputError` where the file does not hold them."""
        key = wanted.canonical_json(exclude={"content_hash"})
        if key not in self._texts:
            self._texts[key] = read_general_text(wanted)
        return self._texts[key]

    def named_skill(self, entry: SkillEntry) -> SkillQuestions:
        """Return the questions of a skill that a study names. Raises `InputError` for what cannot be one."""
        found = named_skill(self.task(entry.name, entry.options, entry.version), entry)
        return self._skills.setdefault(found.skill.canonical_json(), found)

    def skill(self, planned: Skill) -> SkillQuestions:
        """Return the questions of a trial's skill. Raises `InputError` where they changed since it was planned."""
        key = planned.canonical_json()
        if key not in self._skills:
            self._skills[key] = skill_of(planned)
        return self._skills[key]


def _key(task: AnyTask) -> str:
    return json.dumps([task.card.name, task.card.version, task.options], sort_keys=True, default=repr)
