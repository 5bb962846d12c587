"""The head that a task gives a model, trained alone: a linear probe of what the base model has learnt before."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, TypeVar

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretune.methods.base import Context, Method
from paretune.methods.checkpoint import reading, require_safetensors
from paretune.methods.heads import NAMED_BY_PEFT, is_of_head
from paretune.methods.precision import train_in_float32
from paretune.spec import CLASSIFIER, InputError, ModelKind

TensorT = TypeVar("TensorT", bound=Tensor)
_CONFIG, _WEIGHTS = "head.json", "head.safetensors"


class HeadAlone(Method):
    """Trains the modules of the head, which every other method trains as well, and leaves the rest as it is."""

    model_kinds: ClassVar[frozenset[ModelKind] | None] = frozenset({CLASSIFIER})

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with its head trainable: what the task names as one, or else what peft takes for one."""
        self._head = tuple(context.head) or tuple(name for name in NAMED_BY_PEFT if hasattr(model, name))
        model.requires_grad_(False)
        if not self._head:
            raise InputError(f'method "{self.spec.label}": the model has no head to train; take a task with labels')
        for parameter in _of_head(dict(model.named_parameters()), self._head).values():
            parameter.requires_grad_(True)
        if context.recipe.trainable_dtype == "float32":
            train_in_float32(model)
        return model

    @property
    def resumes(self) -> bool:
        """Yes: nothing but weights changes."""
        return True

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write the head's tensors, and the names of its modules."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.contiguous() for name, tensor in _of_head(model.state_dict(), self._head).items()}
        save_file(state, folder / _WEIGHTS)
        (folder / _CONFIG).write_text(json.dumps({"modules": self._head}, indent=2) + "\n", encoding="utf-8")

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with the saved head in place of its own, in eval mode."""
        require_safetensors(folder, _CONFIG, _WEIGHTS)
        with reading(folder):
            head = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))["modules"]
            saved, own = load_file(folder / _WEIGHTS), _of_head(model.state_dict(), head)
            if different := sorted(saved.keys() ^ own.keys()):
                raise ValueError(f"the base model's head is another: {different[0]}")
            model.load_state_dict(saved, strict=False)
        return model.requires_grad_(False).eval()


def _of_head(state: Mapping[str, TensorT], head: Collection[str]) -> dict[str, TensorT]:
    """Return what belongs to the modules of a head."""
    return {name: tensor for name, tensor in state.items() if is_of_head(name, head)}
