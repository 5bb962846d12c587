"""Which methods go with a quantised base model, by what the audit found on one. Imports no torch."""

from paretune.methods.capabilities import ON_QUANTISED, audit_of
from paretune.spec import MethodSpec, NotPassed, Unavailable
from paretune.spec.quantisation import QuantisedFormat


def check_on_quantised(spec: MethodSpec, form: QuantisedFormat, tied: bool | None = False) -> None:
    """Raise `Unavailable` where a method failed when it was audited on a base in this format.

    `tied` says whether the base model ties its embeddings, None if unknown. What is unaudited is not refused.
    """
    audit = audit_of(spec, tied)
    verdict = audit.verdict(ON_QUANTISED[form]) if audit is not None else None
    if isinstance(verdict, NotPassed):
        raise Unavailable(
            f'method "{spec.label}": does not go with a base model in {form} (audit: {verdict.finding}); leave it out, '
            'or give it recipe = { quantisation = "none" }'
        )
