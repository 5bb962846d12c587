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


PACKED = ("gptq", "awq")
"""`quant_method`s whose layers peft adapts as they are packed."""
_TRAIN_ON_PACKED = frozenset(
    {"LORA", "ADALORA", "MISS", "VERA", "OFT", "BOFT", "LN_TUNING", "SHADOW", "TRAINABLE_TOKENS"}
    | {"PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CARTRIDGE", "MULTITASK_PROMPT_TUNING", "CPT"}
)
"""Types of peft 0.21.2 that train, are saved and come back on layers of gptqmodel 7.7.0 (decision 48)."""
_READ_THE_WEIGHT = {
    "init_lora_weights": ("pissa", "olora", "mica", "corda", "lora_ga", "loftq", "orthogonal"),
    "init_weights": ("bat",),
}
"""How values of options begin that read the weight itself."""
_OPTIONS_NOT_ON_PACKED = ("use_dora", "velora_config", "target_parameters")


def check_on_packed(spec: MethodSpec, method: str) -> None:
    """Raise `Unavailable` where a method did not train on layers packed by `method`, one of `PACKED`.

    What is not peft's is not refused here.
    """
    if spec.peft_type is None:
        return
    given = spec.parameters
    reads = [name for name in _OPTIONS_NOT_ON_PACKED if given.get(name)]
    reads += ["invocation tokens"] if spec.implementation == "alora" else []
    reads += [name for name, words in _READ_THE_WEIGHT.items() if str(given.get(name)).lower().startswith(words)]
    trains = spec.peft_type in _TRAIN_ON_PACKED and (method, spec.peft_type) != ("awq", "ADALORA")
    if reads or not trains:
        what = f"with {reads[0]}" if reads else f"of the type {spec.peft_type}"
        raise Unavailable(
            f'method "{spec.label}": peft {what} adapts no layer that is packed by {method.upper()}; leave it out, or '
            "name the model that was quantised"
        )
