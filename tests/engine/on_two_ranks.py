"""Methods trained and saved on a toy, as one of several processes or alone: `-m ... FOLDER CASE...`.

The first process prints one line of JSON for each case: its losses, or the error.
"""

import gc
import json
import os
import sys
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState
from transformers.utils import logging

from paretune.engine import Batches, longest_batches, make_batches, train, validation_loss
from paretune.engine.objective import answer_loss
from paretune.engine.sharding import gather, is_sliced, shard
from paretune.measure import count_peak_bytes
from paretune.methods import Context, Method, build, resolve
from paretune.models import load_model
from paretune.spec import MethodEntry, Recipe
from paretune.tasks import Example

EXAMPLES = [Example(str(n), f"Add {'1 + ' * (n % 7)}{n}:", f" {n % 7 + n}.", "0", "all") for n in range(40)]
UNEVEN = [EXAMPLES[number] for number in (10, 17, 13, 20)]
"""Two short ones and two long ones, so that every batch is padded."""
_COUNTS = 5
RECIPE = Recipe(steps=3, batch_size=4, warmup_ratio=0.0)


class Case(NamedTuple):
    """What is tried."""

    method: dict[str, Any]
    """As a study writes it."""
    recipe: dict[str, Any] = {}
    """What differs from `RECIPE`."""
    validated: bool = False
    """Whether the validation loss is read too, before saving and after a reload."""
    stamped: bool = False
    """Every process gives its slices its own number, in place of training."""
    counted: bool = False
    """The bytes of training are counted, in place of everything else."""
    offloaded: bool = False
    """Slices are kept in main memory, where they are here anyway: the way is tried, not what it saves."""


def trained(case: Case, folder: Path) -> dict[str, Any]:
    """Return losses in training; and of the trained model and of the saved one, where they are asked for."""
    together = "RANK" in os.environ
    spec = resolve(MethodEntry.model_validate(case.method))
    recipe = RECIPE.model_copy(update=case.recipe)
    toy, method = load_model("toy:llama", quantisation=recipe.quantised), build(spec)
    context = Context(recipe, 1e-2, 0, toy.tokenizer, objective=answer_loss)
    batches = make_batches(EXAMPLES, toy.tokenizer, recipe, 0)
    validation = make_batches(EXAMPLES[:12], toy.tokenizer, recipe, 0, one_pass=True)
    torch.manual_seed(0)
    model = method.wrap(toy.model, context)
    method.before_training(model, context, batches)
    if together:
        shard(model, torch.device("cpu"), cpu_offload=case.offloaded)
    if case.counted:
        gc.collect()  # what earlier cases left would be counted as well
        longest = longest_batches(UNEVEN, toy.tokenizer, recipe)
        steps = partial(_steps, model, method, context, longest)
        # gloo's thread may let go of a buffer a moment later than usual, which then counts on top.
        return {"peak": min(count_peak_bytes(model, steps) for _ in range(_COUNTS))}
    losses: list[float] = []
    if case.stamped:
        stamp(model)
    else:
        torch.manual_seed(0)
        losses += train(model, method, method.optimizer(model, context), batches, recipe).losses
    if case.validated:
        losses.append(validation_loss(model, validation))
    if together:
        gather(model)
    if os.environ.get("RANK", "0") != "0":
        return {}
    method.save(model, folder)
    if case.validated:
        fresh = load_model("toy:llama", quantisation=recipe.quantised).model
        losses.append(validation_loss(build(spec).load(fresh, folder), validation))
    return {"losses": losses}


def _steps(model: Any, method: Method, context: Context, batches: Batches) -> None:
    train(model, method, method.optimizer(model, context), batches, context.recipe)


def stamp(model: Any) -> None:
    """Give what this process holds of each trained parameter the values rank + 1."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            assert is_sliced(parameter)
            parameter.detach().to_local().fill_(int(os.environ["RANK"]) + 1)


def main(folder: Path, cases: list[str]) -> None:
    """Try each case; what fails on one process fails on the others."""
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    PartialState(cpu=True, timeout=timedelta(seconds=300))
    gc.freeze()  # what is imported need not be looked through for garbage at every method
    for number, case in enumerate(cases):
        try:
            found = trained(Case(**json.loads(case)), folder / str(number))
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        if os.environ["RANK"] == "0":
            print(json.dumps(found), flush=True)
    PartialState().destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
