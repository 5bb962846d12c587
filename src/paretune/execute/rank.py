"""One process of a trial over several devices: `python -m paretune.execute.rank FOLDER CHECKPOINT`.

It trains its share of the trial in FOLDER, see `paretune.execute.sharded`. The first process saves into CHECKPOINT.
Standard output carries events; where standard input closes, this process ends.
"""

import json
import os
import sys
import warnings
from pathlib import Path

import torch
from accelerate import PartialState
from torch import nn
from transformers.utils import logging

from paretune.engine.sharding import gather, shard
from paretune.execute.events import EventWriter
from paretune.execute.ranks import end_with_parent
from paretune.execute.sharded import FOUND, TRIAL, Found
from paretune.execute.trial import TrialRun
from paretune.methods import Method
from paretune.spec import Trial


class SlicedRun(TrialRun):
    """The training of a trial by one of several processes."""

    def before_optimizer(self, model: nn.Module) -> None:
        """Cut the model among the processes."""
        assert self._trial.recipe.sharding is not None
        shard(model, PartialState().device, cpu_offload=self._trial.recipe.sharding.cpu_offload)

    def save(self, method: Method, model: nn.Module) -> None:
        """Put the model together again; the first process saves it."""
        gather(model)
        if PartialState().is_main_process:
            super().save(method, model)

    def training(self) -> None:
        """Train and save."""
        self.train(*self.begin())

    @property
    def found(self) -> Found:
        """What was found so far."""
        return Found(self.outcome, self.findings, self.phases.readings(), self.warned_lines, self.model_note)


def main(folder: Path, checkpoint: Path) -> int:
    """Train this process's share, and return 0. Where that fails, the process ends with 1."""
    end_with_parent()
    listener = EventWriter.on_stdout()
    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.disable_progress_bar()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    state = PartialState(cpu=not torch.accelerator.is_available())
    trial = Trial.read(json.loads((folder / TRIAL).read_text(encoding="utf-8")), str(folder / TRIAL))
    run = SlicedRun(trial, checkpoint, listener)
    run.attempt(run.training)
    run.found.write(folder / FOUND.format(rank=state.process_index))
    if run.outcome.kind != "ok":
        os._exit(1)  # an orderly end would wait for the others, which may wait for this process
    state.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
