"""Full fine-tuning: every parameter of the base model is trained."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from paretune.methods.base import Context, Method
from paretune.methods.checkpoint import reading, require_safetensors
from paretune.methods.parts import TARGETS, check_has_parts, parts_of, wanted_parts
from paretune.methods.precision import train_in_float32
from paretune.spec import InputError, MethodSpec

_DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"


class Full(Method):
    """Trains every parameter, or those of some parts of an image-text model, and saves the whole model.

    On a 16-bit base with `trainable_dtype` "float32" the weights are kept in float32 and the forward pass runs in the
    base's format under autocast (mixed precision with master weights). The checkpoint is rounded once, to that format.
    """

    own_parameters: ClassVar[Mapping[str, Any]] = {TARGETS: str}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._base_dtype: torch.dtype | None = None

    @property
    def pools_answers(self) -> bool:
        """Yes: it is the base model with other weights."""
        return True

    @property
    def resumes(self) -> bool:
        """Yes: nothing but weights changes."""
        return True

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with every parameter trainable, or every one of the parts that `targets` names.

        Raises `InputError` for a quantised base model, and for parts that the base model does not have.
        """
        if context.recipe.quantisation is not None or getattr(model, "is_quantized", False):
            raise InputError(
                f'method "{self.spec.label}": quantised weights cannot be trained; leave out quantisation or the method'
            )
        self._base_dtype = next(model.parameters()).dtype
        wanted = wanted_parts(self.spec)
        check_has_parts(self.spec, context.kind)
        model.requires_grad_(True)
        if wanted is not None:
            parts = parts_of(model)
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(parts.holds(wanted, name))
        if context.recipe.trainable_dtype == "float32":
            train_in_float32(model)
        return model

    @classmethod
    def check(cls, spec: MethodSpec, module_names: Sequence[str]) -> None:
        """Raise `InputError` for a parameter that this method does not have, and for no such parts."""
        super().check(spec, module_names)
        wanted_parts(spec)

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write the whole model as transformers or diffusers would, in the base's dtype."""
        if self._base_dtype is None:
            raise RuntimeError("save was called before wrap")
        # Tied weights stay one tensor, or they would be written twice.
        copies: dict[tuple[int, torch.Size], Tensor] = {}
        state = {}
        for name, tensor in model.state_dict().items():
            rounded = tensor.to(self._base_dtype) if tensor.is_floating_point() else tensor
            state[name] = copies.setdefault((tensor.data_ptr(), tensor.shape), rounded)
        if isinstance(model, PreTrainedModel):
            model.save_pretrained(folder, state_dict=state, safe_serialization=True)
            _note_dtype(folder / "config.json", self._base_dtype)
        else:  # a model of diffusers, whose own way of saving takes no other dtype than the model's
            model.save_config(folder)  # type: ignore[operator]
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / _DIFFUSERS_WEIGHTS)

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the saved model, of the base's class and dtype, in eval mode."""
        require_safetensors(folder, "config.json", "*model*.safetensors")
        device, dtype = next(model.parameters()).device, next(model.parameters()).dtype
        with reading(folder):
            loaded, report = type(model).from_pretrained(  # type: ignore[attr-defined]
                folder,
                **{"dtype" if isinstance(model, PreTrainedModel) else "torch_dtype": dtype},
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
            if missing := sorted(report["missing_keys"]):
                raise ValueError(f"no values for {missing[0]} and {len(missing) - 1} others")
        module: nn.Module = loaded
        return module.to(device).requires_grad_(False).eval()


def _note_dtype(config_file: Path, dtype: torch.dtype) -> None:
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config["dtype"] = str(dtype).removeprefix("torch.")
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
