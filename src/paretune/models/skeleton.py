"""A base model as its configuration describes it, without its weights: enough to check what would be done with it."""

from pathlib import Path
from typing import Any

from paretune.models.load import makes_pictures, model_folder
from paretune.models.reference import Reference, parse
from paretune.models.tokenizer import read_tokenizer, unusable


def skeleton(reference: str, dtype: str = "float32") -> Any:
    """Return a base model in evaluation mode, its parameters in `dtype` and of no particular values.

    They are made where tensors are made by default: enter `torch.device("meta")` or a fake mode first. Reads no
    weights, and fetches none from the hub. Raises `InputError` when the configuration cannot be used.
    """
    import torch

    parsed = parse(reference)
    if parsed.kind == "toy":
        from paretune.models.toy import toy_of

        model = toy_of(parsed)
    elif makes_pictures(reference):
        from paretune.models.image import transformer_from_config

        model = transformer_from_config(model_folder(parsed, weights=False), reference)
    else:
        model = _language_model(parsed, model_folder(parsed, weights=False))
    return model.to(getattr(torch, dtype)).eval()


def module_names(reference: str) -> list[str]:
    """Return the dotted names of a base model's modules, from its configuration. Raises as `skeleton` does."""
    import torch

    with torch.device("meta"):
        model = skeleton(reference)
    return [name for name, _ in model.named_modules() if name]


def tokenizer_of(reference: str) -> Any:
    """Return a language model's tokenizer, as it comes with the loaded model; None of an image model.

    Raises `InputError` when it cannot be read.
    """
    parsed = parse(reference)
    if parsed.kind == "toy":
        from paretune.models.toy import toy_tokenizer

        return toy_tokenizer()
    if makes_pictures(reference):
        return None
    return read_tokenizer(parsed, model_folder(parsed, weights=False))


def _language_model(parsed: Reference, folder: Path) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise unusable(parsed, folder, error) from None
