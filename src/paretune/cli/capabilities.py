"""What is known of a study's methods from recorded audits."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from paretune.analysis.checklist import AUDIT
from paretune.analysis.requirements import Capabilities
from paretune.spec import Record

_AUDITS = "paretune.methods.capabilities"


def known_capabilities(records: Sequence[Record]) -> Capabilities:
    """Return for each method's label what its recorded audit says; nothing where this Paretune has no audits.

    A label that stands for several things in these records has what all of them have.
    """
    if find_spec(_AUDITS) is None:
        return {}
    audits = import_module(_AUDITS)
    found: dict[str, dict[str, bool | None]] = {}
    for record in {record.trial.method.canonical_json(): record for record in records}.values():
        method = record.trial.method
        says: dict[str, bool | None] = audits.capabilities_of(method).model_dump()
        marks = audits.marks_of(method, record.trial.recipe)
        says[AUDIT] = True if marks is None else None if marks.audit is None else not marks.failed
        earlier = found.setdefault(method.label, says)
        found[method.label] = {name: value if earlier[name] == value else None for name, value in says.items()}
    return found
