"""Methods trained, validated and saved on a toy, as one of several processes or alone: `-m ... FOLDER METHOD...`.

The first process prints one line of JSON: per method the losses and the loss of what was saved, or the error.
"""

import json
import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers.utils import logging

from paretune.engine import make_batches, train, validation_loss
from paretune.engine.sharding import gather, is_sliced, shard
from paretune.methods import Context, build, resolve
from paretune.models import load_model
from paretune.spec import MethodEntry, Recipe
from paretune.tasks import Example

EXAMPLES = [Example(str(n), f"Add {'1 + ' * (n % 7)}{n}:", f" {n % 7 + n}.", "0", "all") for n in range(40)]
RECIPE = Recipe(steps=3, batch_size=4, gradient_accumulation=2, warmup_ratio=0.0)
STAMPED = "stamped:"
"""Before a method's name: every process gives its slices its own number, in place of training."""


def trained(name: str, folder: Path) -> dict[str, Any]:
    """Return losses in training, then of the trained model, then of the saved one."""
    stamped, together = name.startswith(STAMPED), "RANK" in os.environ
    entry = MethodEntry.model_validate(json.loads(name.removeprefix(STAMPED)))
    toy, method = load_model("toy:llama"), build(resolve(entry))
    context = Context(RECIPE, 1e-2, 0, toy.tokenizer)
    batches = make_batches(EXAMPLES, toy.tokenizer, RECIPE, 0)
    torch.manual_seed(0)
    model = method.wrap(toy.model, context)
    method.before_training(model, context, batches)
    if together:
        shard(model, torch.device("cpu"))
    losses: list[float] = []
    if stamped:
        stamp(model)
    else:
        torch.manual_seed(0)
        losses += train(model, method, method.optimizer(model, context), batches, RECIPE).losses
        validation = make_batches(EXAMPLES[:12], toy.tokenizer, RECIPE, 0, one_pass=True)
        losses.append(validation_loss(model, validation))
    if together:
        gather(model)
    if os.environ.get("RANK", "0") != "0":
        return {}
    method.save(model, folder)
    if not stamped:
        again = build(resolve(entry)).load(load_model("toy:llama").model, folder)
        losses.append(validation_loss(again, validation))
    return {"losses": losses}


def stamp(model: Any) -> None:
    """Give what this process holds of each trained parameter the values rank + 1."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            assert is_sliced(parameter)
            parameter.detach().to_local().fill_(int(os.environ["RANK"]) + 1)


def main(folder: Path, names: list[str]) -> None:
    """Try each method; what fails on one process fails on the others."""
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    if "RANK" in os.environ:
        PartialState(cpu=True, timeout=timedelta(seconds=120))
    for number, name in enumerate(names):
        try:
            found = trained(name, folder / str(number))
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(found), flush=True)
    if "RANK" in os.environ:
        PartialState().destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
