"""Prefix tuning (arXiv 2101.00190) and cartridges (arXiv 2506.06266): learned keys and values before every text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from peft import PeftConfig, PeftModel
from peft.tuners.cartridge.utils import initialize_kv_prefix_from_text
from torch import nn

from paretune.methods.base import Context
from paretune.methods.hooks.prefix_with_pictures import let_pictures_follow, reads_pictures
from paretune.methods.peft import Peft, active_config
from paretune.spec import InputError


class KeyValuePrefix(Peft):
    """May start as the keys and values of a text, `start_text`, instead of zeros or random numbers."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_text": str}

    @property
    def goes_with_pictures(self) -> bool:
        """Yes: keys and values stand before all embeddings."""
        return True

    def check_config(self, config: PeftConfig, context: Context) -> None:  # noqa: ARG002
        """Raise `InputError` for gradient checkpointing, which computes layers anew without the prefix."""
        if context.recipe.gradient_checkpointing:
            raise InputError(
                f'method "{self.spec.label}": its keys and values do not go with gradient_checkpointing; set it to '
                "false in the recipe, for this method alone with recipe = { gradient_checkpointing = false }"
            )

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with the prefix attached. Raises `InputError` for a text that is shorter than the prefix."""
        wrapped = super().wrap(model, context)
        _let_pictures_follow(wrapped)
        text = self.spec.parameters.get("start_text")
        if text is not None:
            num_tokens, needed = len(context.tokenizer(text)["input_ids"]), active_config(wrapped).num_virtual_tokens
            if num_tokens < needed:
                raise InputError(
                    f'method "{self.spec.label}": start_text has {num_tokens} tokens and the prefix {needed}; '
                    "give a longer text or fewer num_virtual_tokens"
                )
            initialize_kv_prefix_from_text(wrapped, context.tokenizer, text=text, use_chat_template=False)
        return wrapped

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with the saved prefix attached, in eval mode, nothing trainable."""
        loaded = super().load(model, folder)
        _let_pictures_follow(loaded)
        return loaded


def _let_pictures_follow(wrapped: nn.Module) -> None:
    assert isinstance(wrapped, PeftModel)
    if reads_pictures(wrapped.get_base_model()):
        let_pictures_follow(wrapped, active_config(wrapped).num_virtual_tokens)
