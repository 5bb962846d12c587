"""Compare fine-tuning methods fairly: the same base model, data and training loop; only the method differs.

    from paretune import Study, compare, recommend, run

    study = Study.from_toml("studies/word-problems-smollm2.toml")
    records = run(study, "results/word-problems")          # trains what is missing; resumes by itself
    print(records)                                         # the table: intervals, ties, memory, time, size
    print(compare("results/word-problems", "rslora", "lora"))
    print(recommend("results/word-problems", max_memory="21GB", mergeable=True))

Studies: `Study` (from a TOML file or from Python), `run`, `load_records`, `Record`.
Statements about a finished study: `compare`, `recommend`, `claim`, `pareto`.
Before anything is trained: `estimate_memory` (no weights, no GPU), `audit_methods` (does a method do what it claims?).
Every object prints as the command line shows it, has a one-line repr, and `model_dump()` returns all of it as plain
values. What a person can mend raises `InputError`, a `ValueError` whose message says how.
The same from a shell: `paretune --help`.
"""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretune.analysis.decisions.questions import claim as claim
    from paretune.analysis.decisions.questions import compare as compare
    from paretune.analysis.decisions.questions import pareto as pareto
    from paretune.analysis.decisions.questions import recommend as recommend
    from paretune.audit.run import audit_methods as audit_methods
    from paretune.estimate import estimate_memory as estimate_memory
    from paretune.execute.run import run as run
    from paretune.spec import InputError as InputError
    from paretune.spec import Record as Record
    from paretune.spec import Study as Study
    from paretune.store import load_records as load_records

_HOMES = {
    "InputError": "paretune.spec",
    "Record": "paretune.spec",
    "Study": "paretune.spec",
    "audit_methods": "paretune.audit.run",
    "claim": "paretune.analysis.decisions.questions",
    "compare": "paretune.analysis.decisions.questions",
    "estimate_memory": "paretune.estimate",
    "load_records": "paretune.store",
    "pareto": "paretune.analysis.decisions.questions",
    "recommend": "paretune.analysis.decisions.questions",
    "run": "paretune.execute.run",
}

# transformers imports torchao where it is installed, used or not; that says what of it needs a GPU or a newer torch.
# peft does the same with bitsandbytes, which says that a kernel of packed weights is missing: here none are packed.
for _name in ("torchao", "torch.utils._pytree", "bitsandbytes.backends.cpu.ops"):
    logging.getLogger(_name).setLevel(logging.ERROR)

__all__ = [
    "InputError", "Record", "Study", "audit_methods", "claim", "compare", "estimate_memory", "load_records", "pareto",
    "recommend", "run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import paretune` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'paretune' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names and the module's own attributes, whether they have been imported yet or not."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
