"""Names that people look for and that are no method here: what each is called, or how it is had."""

_NOT_SUPERVISED = "it trains on preferences or rewards; Paretune compares supervised fine-tuning only"
_FULL = 'full fine-tuning is called "full"'
_HEAD = 'training the head alone is called "head"'

OTHER_NAMES = {
    "qlora": 'QLoRA is "lora" on a 4-bit base model: write quantisation = "nf4" under [recipe], or give estimate '
    "--quantisation nf4",
    "qdora": 'QDoRA is "dora" on a 4-bit base model: write quantisation = "nf4" under [recipe], or give estimate '
    "--quantisation nf4",
    "use-dora": 'the option use_dora of LoRA is the method "dora"',
    "use-rslora": 'the option use_rslora of LoRA is the method "rslora"',
    "rs-lora": 'rank-stabilised LoRA is called "rslora"',
    "fft": _FULL,
    "full-ft": _FULL,
    "full-finetuning": _FULL,
    "full-fine-tuning": _FULL,
    "finetuning": _FULL,
    "linear-probe": _HEAD,
    "linear-probing": _HEAD,
    "probe": _HEAD,
    "sft": f"SFT is what every method here does; {_FULL}",
    "dpo": _NOT_SUPERVISED,
    "grpo": _NOT_SUPERVISED,
    "kto": _NOT_SUPERVISED,
    "orpo": _NOT_SUPERVISED,
    "ppo": _NOT_SUPERVISED,
    "rlhf": _NOT_SUPERVISED,
}
"""By the name in lower case, with dashes."""
