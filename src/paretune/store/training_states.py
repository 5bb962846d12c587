"""Where trainings of a study stopped that a later trial may resume: `training/<training id>.safetensors`.

They are a help and no result: the folder may be deleted, and a trial that finds nothing trains from its first step.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paretune.spec import Trial

MOST_OF_FREE_SPACE = 0.1
"""Share of the free space that all states of a study take together at most."""
_LENGTH_BYTES = 8
_PART = "state"


class TrainingStates:
    """The files of training states in one study's folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the store's."""
        self._folder = folder / "training"

    def file(self, trial: Trial) -> Path:
        """Return where the state of a trial's training lies, if there is one: the furthest that was left."""
        return self._folder / f"{trial.training_id}.safetensors"

    def has_room(self, trial: Trial, num_bytes: int) -> bool:
        """Tell whether a state of this size may be kept in the place of the training's last one. Makes the folder.

        Raises `OSError`.
        """
        self._folder.mkdir(exist_ok=True)
        sizes = {file: file.stat().st_size for file in self._folder.glob("*.safetensors")}
        others = sum(size for file, size in sizes.items() if file != self.file(trial))
        free = shutil.disk_usage(self._folder).free + sum(sizes.values())
        return others + num_bytes <= MOST_OF_FREE_SPACE * free

    def about(self, trial: Trial) -> dict[str, Any] | None:
        """Return what is said of the state of a trial's training, or None where none can be read."""
        try:
            with self.file(trial).open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(_LENGTH_BYTES), "little")))
            about: dict[str, Any] = json.loads(header["__metadata__"][_PART])
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None
        return about

    @staticmethod
    def metadata(about: dict[str, Any]) -> dict[str, str]:
        """Return what is said of a state as safetensors keep it."""
        return {_PART: json.dumps(about)}

    def keep_only(self, trials: Iterable[Trial]) -> None:
        """Remove all states but those that these trials may resume, and the folder with the last of them."""
        wanted = {self.file(trial) for trial in trials}
        for file in [*self._folder.glob("*"), *self._folder.glob(".*.tmp")]:
            if file not in wanted:
                file.unlink(missing_ok=True)
        if not wanted:
            shutil.rmtree(self._folder, ignore_errors=True)
