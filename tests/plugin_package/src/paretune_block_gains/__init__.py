"""Block gains: learned factors on what every attention and feed-forward block adds to the residual stream."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretune.methods import Context, Method, Preset
from paretune.spec import InputError, MethodSpec

OUTPUT_LAYERS = ("o_proj", "down_proj")
"""The last layers of attention and feed-forward blocks in Llama-like models."""
WEIGHTS, CONFIG = "gains.safetensors", "gains.json"


class Gain(nn.Module):
    """A layer whose outputs are multiplied by one learned factor a channel."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.gain = nn.Parameter(torch.ones(layer.out_features, device=layer.weight.device))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's outputs, in their own dtype, times the gains."""
        outputs: Tensor = self.layer(inputs)
        return (outputs * self.gain).to(outputs.dtype)


class BlockGains(Method):
    """Multiplies what every block adds to the residual stream by learned gains, channel by channel."""

    preset: ClassVar[Preset | None] = Preset(
        name="block-gains",
        family="vectors",
        description="Scales what every attention and feed-forward block adds, channel by channel.",
        implementation="block-gains",
        prior_learning_rate=2e-2,
        prior_source="IA3's, which also learns factors; not measured.",
    )
    own_parameters: ClassVar[Mapping[str, Any]] = {"layers": list[str]}

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with gains of one, which are all that is trainable, in float32."""
        return self._attach(model.requires_grad_(False))

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write the gains, and which layers they belong to."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: gain.detach().cpu().contiguous() for name, gain in _gains(model)}, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps({"layers": self._layers}) + "\n", encoding="utf-8")

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with the saved gains. Raises `InputError` for a folder that holds none."""
        if not (folder / WEIGHTS).is_file():
            raise InputError(f"{folder}: not a checkpoint of block gains ({WEIGHTS} is missing)")
        saved, gains = load_file(folder / WEIGHTS), dict(_gains(self._attach(model)))
        if saved.keys() != gains.keys():
            raise InputError(f"{folder}: its gains belong to another base model")
        for name, gain in gains.items():
            gain.data.copy_(saved[name])
        return model.requires_grad_(False).eval()

    @classmethod
    def check(cls, spec: MethodSpec, module_names: Sequence[str]) -> None:
        """Also refuse layers that the base model does not have."""
        super().check(spec, module_names)
        known = {name.rpartition(".")[2] for name in module_names}
        for layer in spec.parameters.get("layers", OUTPUT_LAYERS):
            if layer not in known:
                raise InputError(f'method "{spec.label}": the base model has no layer called "{layer}"')

    @property
    def _layers(self) -> list[str]:
        return list(self.spec.parameters.get("layers", OUTPUT_LAYERS))

    def _attach(self, model: nn.Module) -> nn.Module:
        for name, layer in list(model.named_modules()):
            parent, _, last = name.rpartition(".")
            if last in self._layers and isinstance(layer, nn.Linear):
                setattr(model.get_submodule(parent), last, Gain(layer))
        return model


def _gains(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, value) for name, value in model.named_parameters() if name.endswith(".gain"))
