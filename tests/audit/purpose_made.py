"""A method made for these tests: a gain on every hidden state before the output layer, with any defect one asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretune.methods import Context, Method
from paretune.spec import MethodSpec

SPEC = MethodSpec(name="gain", label="gain", implementation="gain")


class GainModel(nn.Module):
    """A causal language model with one learned gain for each channel of its last hidden state."""

    def __init__(self, base: Any, defects: frozenset[str]) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.defects = defects
        self.on = True
        self.gain = nn.Parameter(torch.ones(base.config.hidden_size))
        self.unused = nn.Parameter(torch.zeros(4))
        self.frozen = nn.Parameter(torch.arange(64.0), requires_grad=False)
        if "starts elsewhere" in defects:
            self.gain.data += 0.1
        if "has a dead parameter" not in defects:
            self.unused.requires_grad_(False)
        self.base.lm_head.register_forward_pre_hook(self._scale)
        self.checkpointing = False

    def _scale(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        gain = self.gain * (1.1 if self.checkpointing and "checkpoints wrongly" in self.defects else 1.0)
        return (inputs[0] * gain,) if self.on else inputs

    def forward(self, **inputs: Any) -> Any:
        return self.base(**inputs)

    def generate(self, **inputs: Any) -> Any:
        return self.base.generate(**inputs)

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        self.on = "stays on" in self.defects
        yield
        self.on = "stays off" not in self.defects
        if "thaws" in self.defects:
            self.frozen.requires_grad_(True)

    def merge_and_unload(self) -> Any:
        if "refuses to merge" in self.defects:
            raise NotImplementedError("No merging here. Ever.")
        self.on = False
        gain = self.gain.detach() if "merges wrongly" not in self.defects else self.gain.detach() ** 2
        self.base.lm_head.weight = nn.Parameter(self.base.lm_head.weight * gain)
        return self.base

    def gradient_checkpointing_enable(self, **options: Any) -> None:
        self.checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        self.checkpointing = False


class Gain(Method):
    """Learns the gains."""

    def __init__(self, *defects: str) -> None:
        super().__init__(SPEC)
        self.defects = frozenset(defects)

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        return self._attached(model)

    def optimizer(self, model: nn.Module, context: Context) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=0.1,
            maximize="climbs" in self.defects,
        )

    def save(self, model: nn.Module, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        assert isinstance(model, GainModel)
        gain = torch.ones_like(model.gain) if "forgets" in self.defects else model.gain.detach()
        tensors = {"gain": gain}
        if "stores what is frozen" in self.defects:
            tensors["frozen"] = model.frozen.detach()
        if "stores twice" in self.defects:
            tensors["again"] = gain.clone()
        save_file(tensors, folder / "gain.safetensors")

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        loaded = self._attached(model)
        loaded.gain.data = load_file(folder / "gain.safetensors")["gain"]
        return loaded.requires_grad_(False).eval()

    def _attached(self, model: nn.Module) -> GainModel:
        attached = GainModel(model, self.defects)
        # What tells the checks that there is an adapter beside the weights.
        attached.peft_config = {}  # type: ignore[assignment]
        return attached
