"""A base model's tokenizer, in the state that the engine starts from."""

from pathlib import Path
from typing import Any

from paretune.models.reference import Reference
from paretune.spec import InputError, one_line


def read_tokenizer(parsed: Reference, folder: Path, *, writes: bool = True) -> Any:
    """Return the tokenizer in a folder: it pads on the left and has a pad token.

    Raises `InputError` when it cannot be read, and for one without an end-of-text token: of a model that `writes`, or
    where it is to be the pad token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise unusable(parsed, folder, error) from None
    settle_tokenizer(parsed, folder, tokenizer, writes=writes)
    return tokenizer


def settle_tokenizer(parsed: Reference, folder: Path, tokenizer: Any, *, writes: bool = True) -> None:
    """Let a tokenizer pad on the left, and with its end token where it has no pad token.

    Raises `InputError` for one without an end-of-text token, as `read_tokenizer` does.
    """
    if tokenizer.eos_token_id is None and (writes or tokenizer.pad_token_id is None):
        raise InputError(f'base model "{parsed.text}": its tokenizer in {folder} has no eos token; set eos_token there')
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token


def unusable(parsed: Reference, folder: Path, error: Exception, what: str = "causal language model") -> InputError:
    """Return the error that says that a folder does not hold what it should."""
    return InputError(
        f'base model "{parsed.text}": {folder} cannot be read as a {what}: {one_line(error)[:200]}; '
        "fetch or save it again (delete the folder first if it is a cached one)"
    )
