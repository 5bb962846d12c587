"""EfficientNet-lite0 without its classifier: pictures as 1280 numbers each.

Tan and Le, EfficientNet, arXiv 1905.11946; the "lite" variants leave out squeeze-and-excitation and use ReLU6.
Padding is TensorFlow's "same" at 224 pixels, which the weights were trained with: less before than after the picture
wherever a layer halves it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

SIDE_PIXELS = 224
_EPSILON = 1e-3
"""Of the batch normalisations, as in training."""


class _Stage(NamedTuple):
    """Blocks of one width."""

    num_blocks: int
    kernel: int
    stride: int
    expansion: int
    in_channels: int
    out_channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 32, 16),
    _Stage(2, 3, 2, 6, 16, 24),
    _Stage(2, 5, 2, 6, 24, 40),
    _Stage(3, 3, 2, 6, 40, 80),
    _Stage(3, 5, 1, 6, 80, 112),
    _Stage(4, 5, 2, 6, 112, 192),
    _Stage(1, 3, 1, 6, 192, 320),
)


class EfficientNetLite0(nn.Module):
    """Takes pictures (batch, 3, 224, 224) with values from -1 to 1 and returns features (batch, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [
            _Block(stage, first=number == 0) for stage in _STAGES for number in range(stage.num_blocks)
        ]  # fmt: skip
        self.stem = _Convolution(3, 32, kernel=3, stride=2)
        self.blocks = nn.Sequential(*blocks)
        self.head = _Convolution(320, 1280, kernel=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features: the mean of the last layer over the picture."""
        features: Tensor = self.head(self.blocks(self.stem(pictures)))
        return features.mean((2, 3))


class _Convolution(nn.Module):
    """Convolution, batch normalisation and, but for a projection, ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel: int, stride: int = 1, groups: int = 1, cut: bool = True
    ) -> None:
        super().__init__()
        missing = kernel - stride
        self._padding = [missing // 2, missing - missing // 2] * 2
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, groups=groups, bias=False)
        self.normalisation = nn.BatchNorm2d(out_channels, eps=_EPSILON)
        self._cut = cut

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.normalisation(self.convolution(pad(inputs, self._padding)))
        return outputs.clamp(0, 6) if self._cut else outputs


class _Block(nn.Module):
    """Widen, mix neighbouring pixels channel by channel, narrow; added to the input where the shape stays."""

    def __init__(self, stage: _Stage, *, first: bool) -> None:
        super().__init__()
        narrow = stage.in_channels if first else stage.out_channels
        wide, stride = narrow * stage.expansion, stage.stride if first else 1
        self.expand = _Convolution(narrow, wide, kernel=1) if stage.expansion > 1 else nn.Identity()
        self.mix = _Convolution(wide, wide, kernel=stage.kernel, stride=stride, groups=wide)
        self.project = _Convolution(wide, stage.out_channels, kernel=1, cut=False)
        self._residual = stride == 1 and narrow == stage.out_channels

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.project(self.mix(self.expand(inputs)))
        return inputs + outputs if self._residual else outputs


_PARTS = {
    "_conv_stem": "stem.convolution", "_bn0": "stem.normalisation",
    "_conv_head": "head.convolution", "_bn1": "head.normalisation",
}  # fmt: skip
_PARTS_OF_A_BLOCK = {
    "_expand_conv": "expand.convolution", "_bn0": "expand.normalisation",
    "_depthwise_conv": "mix.convolution", "_bn1": "mix.normalisation",
    "_project_conv": "project.convolution", "_bn2": "project.normalisation",
}  # fmt: skip


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the published weights under the names of this module, without the classifier's."""
    state: dict[str, Tensor] = {}
    for name, tensor in published.items():
        parts = name.split(".")
        if parts[0] == "_fc":
            continue
        if parts[0] != "_blocks":
            state[".".join([_PARTS[parts[0]], *parts[1:]])] = tensor
            continue
        state[".".join(["blocks", parts[1], _PARTS_OF_A_BLOCK[parts[2]], *parts[3:]])] = tensor
    return state


def convert(checkpoint: str, target: str) -> None:
    """Write a published checkpoint, whose hash the caller has checked, as safetensors."""
    from safetensors.torch import save_file

    published = torch.load(checkpoint, map_location="cpu", weights_only=True)
    state = {name: tensor for name, tensor in renamed(published).items() if not name.endswith("num_batches_tracked")}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, target)
