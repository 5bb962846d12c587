"""What is known of a study's methods from recorded audits."""

from collections.abc import Sequence

from paretune.analysis.decisions.checklist import AUDIT
from paretune.analysis.decisions.requirements import Capabilities
from paretune.methods.capabilities import capabilities_of, marks_of
from paretune.models.tying import ties_embeddings
from paretune.spec import Record

_WHOLE_MODEL = "full"


def known_capabilities(records: Sequence[Record]) -> Capabilities:
    """Return for each method's label what its recorded audit says.

    A label that stands for several things in these records has what all of them have.
    """
    found: dict[str, dict[str, bool | None]] = {}
    different = {(record.trial.base_model, record.trial.method.canonical_json()): record for record in records}
    tied = {base_model: ties_embeddings(base_model) for base_model, _ in different}
    for (base_model, _), record in different.items():
        method = record.trial.method
        says: dict[str, bool | None] = capabilities_of(method, tied[base_model], record.trial.model_kind).model_dump()
        if method.implementation == _WHOLE_MODEL:
            says["mergeable"] = True  # what is saved is the model itself: nothing is left to merge
        marks = marks_of(method, record.trial.recipe, tied[base_model], record.trial.model_kind)
        says[AUDIT] = True if marks is None else None if marks.audit is None else not marks.warnings
        earlier = found.setdefault(method.label, says)
        found[method.label] = {name: value if earlier[name] == value else None for name, value in says.items()}
    return found
