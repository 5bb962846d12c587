"""Which fine-tuning method should I use for this model, this data and this much memory?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretune.analysis.questions import claim as claim
    from paretune.analysis.questions import compare as compare
    from paretune.analysis.questions import pareto as pareto
    from paretune.analysis.questions import recommend as recommend
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
    "claim": "paretune.analysis.questions",
    "compare": "paretune.analysis.questions",
    "estimate_memory": "paretune.estimate",
    "load_records": "paretune.store",
    "audit_methods": "paretune.audit.run",
    "pareto": "paretune.analysis.questions",
    "recommend": "paretune.analysis.questions",
    "run": "paretune.execute.run",
}

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
