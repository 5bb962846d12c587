"""Training states of a study, from which later trials go on: `training_states/<training id>.safetensors`.

They save time and are no results. The folder may be deleted: a trial without a state trains from its first step.
"""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paretune.spec import Trial
from paretune.spec.base import Data
from paretune.store.atomic import refusing

MOST_OF_FREE_SPACE = 0.1
"""Share of the free space that all states of a study take together at most."""
_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000
"""Above this, safetensors does not read a header either."""
_OURS = re.compile(r"[0-9a-f]{16}\.safetensors|\.[0-9a-f]{16}\.safetensors\.\d+\.tmp")
_PART = "state"


class AboutState(Data):
    """What is said of a training next to its tensors."""

    losses: tuple[float, ...]
    """Of each step so far, as in a record."""
    step_seconds: tuple[float, ...]
    validation_loss: float
    """After the last of these steps."""
    numbers: dict[str, int | float | None]
    """What the optimizer keeps beyond tensors."""
    most_at_once: int
    """The most trials that ran at once while it trained."""
    environment: dict[str, Any]
    """All about the process that may change a value."""

    @property
    def num_steps(self) -> int:
        """Steps that have been run."""
        return len(self.losses)


class TrainingStates:
    """The files of training states in one study's folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the store's."""
        self.folder = folder / "training_states"

    def file(self, trial: Trial) -> Path:
        """Return where the state of a trial's training lies, if there is one: the furthest that was left."""
        return self.folder / f"{trial.training_id}.safetensors"

    def has_room(self, trial: Trial, num_bytes: int) -> bool:
        """Tell whether a state of this size may be kept in the place of the training's last one. Makes the folder.

        Raises `OSError`.
        """
        self.folder.mkdir(exist_ok=True)
        sizes = {file: file.stat().st_size for file in self.folder.glob("*.safetensors")}
        others = sum(size for file, size in sizes.items() if file != self.file(trial))
        free = shutil.disk_usage(self.folder).free + sum(sizes.values())
        return others + num_bytes <= MOST_OF_FREE_SPACE * free

    def about(self, trial: Trial) -> AboutState | None:
        """Return what is said of the state of a trial's training, or None where none can be read."""
        try:
            with self.file(trial).open("rb") as file:
                length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
                header = json.loads(file.read(min(length, _MOST_HEADER_BYTES)))
            return AboutState.model_validate_json(header["__metadata__"][_PART])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def usable(self, trial: Trial) -> AboutState | None:
        """Return what is said of the state that a trial may resume, as far as the folder tells; None for none.

        It may not where the state is further than this trial goes, or where this trial's clocks are a result and the
        earlier one did not run alone.
        """
        about = self.about(trial)
        if about is None or about.num_steps > trial.recipe.trained_steps:
            return None
        return about if trial.tunes or about.most_at_once == 1 else None

    def num_steps(self, trial: Trial) -> int:
        """Return how many steps of a trial's training need not be run again, as far as the folder tells."""
        about = self.usable(trial)
        return 0 if about is None else about.num_steps

    @staticmethod
    def metadata(about: AboutState) -> dict[str, str]:
        """Return what is said of a state as safetensors keep it."""
        return {_PART: about.model_dump_json()}

    def keep_only(self, trials: Iterable[Trial]) -> None:
        """Remove all states but those that these trials may resume, and the folder with the last of them.

        Raises `InputError` where they cannot be removed.
        """
        if not self.folder.is_dir():
            return
        wanted = {self.file(trial) for trial in trials}
        with refusing(self.folder, "delete the files in it"):
            for file in self.folder.iterdir():
                if _OURS.fullmatch(file.name) and file not in wanted:
                    file.unlink(missing_ok=True)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()
