"""Memory before anything is run: the words of `paretune estimate`."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from paretune.spec import InputError, MethodEntry
from paretune.spec.memory import MemoryEstimate, NotEstimated

if TYPE_CHECKING:
    from paretune.estimate import EstimateSettings
    from paretune.kinds import Kind

_UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)


def show_estimates(
    model: str,
    method: str,
    *,
    set_values: list[str],
    max_memory: list[str],
    picture: Path | None,
    keep_in: Path | None,
    as_json: bool,
    settings: dict[str, Any],
    recipe: dict[str, Any],
) -> None:
    """Print estimates for methods on a model, as a table or as JSON; draw them and keep them where that is asked for.

    Exits with 2 when not one of the methods could be estimated.
    """
    budgets = tuple(parse_bytes(text) for text in max_memory)
    if picture is not None and picture.suffix.lower() not in {".png", ".html"}:
        raise InputError(f"--picture {picture}: must end in .png or .html")
    if keep_in is not None and not keep_in.is_dir():
        raise InputError(f"--keep-in {keep_in}: no such folder; give the one that holds a study's results")
    parameters = dict(map(_assignment, set_values))

    from paretune.estimate import EstimateSettings, estimates, method_specs
    from paretune.kinds import kind_of_shape
    from paretune.models import find_shape
    from paretune.report.estimates import estimates_json, estimates_summary
    from paretune.report.html.memory_chart import write_memory_chart
    from paretune.store.kept_estimates import keep_estimates

    chosen = EstimateSettings.read({**settings, "recipe": recipe, "budgets": budgets}, "estimate")
    specs = method_specs(_entries(method, parameters))
    found = []
    shape = find_shape(model)
    _say_nothing_of_their_own()
    for one in estimates(shape, specs, chosen):
        found.append(one)
        _progress(one, len(found), len(specs))
    done = [one for one in found if isinstance(one, MemoryEstimate)]
    if not done and isinstance(found[0], NotEstimated):
        raise InputError(f'method "{found[0].method}" on {model}: {found[0].reason}')
    if as_json:
        print(json.dumps(estimates_json(found), indent=1))
    else:
        Console().print(estimates_summary(found))
        if not all(answer.fits for one in done for answer in one.budgets):
            print(_what_needs_less(chosen, kind_of_shape(shape)))
    said_on = sys.stderr if as_json else sys.stdout
    if picture is not None:
        print(write_memory_chart(done, picture), file=said_on)
    if keep_in is not None:
        print(keep_estimates(keep_in, done), file=said_on)


def _what_needs_less(settings: "EstimateSettings", kind: "Kind[Any]") -> str:
    """Return the options that are left to somebody whose budget is too small."""
    options = {
        "--gradient-checkpointing": not settings.recipe.gradient_checkpointing,
        "--loss-chunks 8": settings.recipe.loss_chunks == 1 and kind.objective_in_chunks(8) is not None,
        "--quantisation nf4": settings.recipe.quantisation is None,
        "a smaller --batch-size": settings.recipe.batch_size > 1,
        "more --devices": True,
        "shorter or smaller examples": True,
    }
    *most, last = (option for option, is_left in options.items() if is_left)
    return f"What needs less: {', '.join(most)} or {last}."


def parse_bytes(text: str) -> int:
    """Return an amount of memory such as 24GB (10^9 bytes) or 24GiB (2^30). Raises `InputError` for anything else."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[2].lower() not in _UNITS:
        raise InputError(f'--max-memory "{text}": write a number and a unit, for example 24GB or 24GiB')
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _entries(method: str, parameters: dict[str, Any]) -> str | list[MethodEntry]:
    if method == "all":
        if parameters:
            raise InputError("--set goes with named methods, not with all")
        return method
    names = [name.strip() for name in method.split(",") if name.strip()]
    if not names:
        raise InputError("--method names no method; write for example --method lora,dora or --method all")
    return [MethodEntry(name=name, parameters=parameters) for name in names]


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f'--set "{text}": write NAME=VALUE, for example r=64')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _progress(one: MemoryEstimate | NotEstimated, done: int, total: int) -> None:
    if total > 1:
        took = f" in {one.seconds:.0f} s" if isinstance(one, MemoryEstimate) else ": not estimated"
        print(f"[{done}/{total}] {one.method}{took}", file=sys.stderr)


def _say_nothing_of_their_own() -> None:
    """Keep warnings and bars of the libraries, which are about real models, off the terminal."""
    import warnings

    from transformers.utils import logging

    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
