"""Linear layers as bitsandbytes and torchao hold them, with fake tensors: bytes of layouts, and of computing with them.

4 bit (as in QLoRA, arXiv 2305.14314): two weights a byte, and one absolute maximum for every 64 weights, in float32, or
with double quantisation in 8 bits with one float32 for every 256 of them. A layer unpacks its whole weight into the
computing format for every pass, forward and backward, and lets it go at once; without a GPU the forward pass is one
operator, whose inside is not counted.

8 bit (LLM.int8(), arXiv 2208.07339): one byte a weight, one float32 scale a row. The forward pass turns its input into
8 bits, multiplies into int32 and scales back; the backward pass unpacks the weight into the computing format. Without a
GPU, training unpacks the weight in the forward pass as well. Either keeps the layer's input until the backward pass is
over.

8 bit by torchao: one byte a weight, one float32 scale and one zero point of 8 bits a row. The forward pass unpacks the
weight into the computing format and scales the product. The backward pass needs the unpacked weight as well, so that
of every layer is kept until then, or computed anew with gradient checkpointing.

Embeddings, norms and the output layer stay as they are, as transformers leaves them, unless a model's configuration
names other layers to leave.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from paretune.estimate.settings import EstimateSettings
from paretune.models import ModelShape
from paretune.models.quantisation import QUANTISATION_KEY, own_quantisation
from paretune.spec import InputError
from paretune.spec.quantisation import BY_TORCHAO, FOUR_BITS, QuantisedFormat

BLOCK = 64
NESTED_BLOCK = 256


class Layout(NamedTuple):
    """How linear layers are held."""

    format: QuantisedFormat
    double: bool = True
    """Whether 4 bits are with double quantisation."""
    left: tuple[str, ...] | None = None
    """Names or patterns of the layers that stay as they are; None for the output layer."""

    @property
    def package(self) -> str:
        """The library whose layout it is."""
        return "torchao" if self.format in BY_TORCHAO else "bitsandbytes"


def layout_for(shape: ModelShape, settings: EstimateSettings) -> Layout | None:
    """Return the layout that is asked for, or the one that the model's own configuration says; None without any.

    Raises `InputError` for a configuration in a layout that is not known here, or that contradicts what is asked for.
    """
    own, wanted = own_quantisation(shape.config), settings.recipe.quantised
    if own is None:
        return None if wanted is None else Layout(wanted.format, wanted.double)
    if own.is_unpacked and wanted is None:
        return None
    if own.quantisation is None:
        raise InputError(
            f'model "{shape.name}": {QUANTISATION_KEY} in {shape.source} says "{own.method}", whose layout is not '
            "estimated (bitsandbytes in 4 or 8 bits and torchao in 8 bits with a scale a row are); give the "
            "configuration of the model that was quantised"
        )
    if wanted is not None and wanted.format != own.quantisation.format:
        raise InputError(
            f'quantisation "{wanted.format}": {shape.source} holds the model "{shape.name}" in '
            f"{own.quantisation.format} already; leave it out"
        )
    return Layout(own.quantisation.format, own.quantisation.double, own.left)


def without_quantisation(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's configuration as that of the model that was quantised."""
    return {name: value for name, value in config.items() if name != QUANTISATION_KEY}


def quantise(model: nn.Module, layout: Layout) -> None:
    """Replace the linear layers of a model, in place. Raises `InputError` where there are none to replace."""
    get_output: Any = getattr(model, "get_output_embeddings", lambda: None)
    output = get_output()

    def stays(name: str, layer: nn.Module) -> bool:
        return layer is output if layout.left is None else any(_names(pattern, name) for pattern in layout.left)

    names = [name for name, layer in model.named_modules() if type(layer) is nn.Linear and not stays(name, layer)]
    if not names:
        raise InputError("this model has no linear layers that could be quantised")
    for name in names:
        plain: Any = model.get_submodule(name)
        parent, _, own_name = name.rpartition(".")
        setattr(model.get_submodule(parent), own_name, _packed_linear(plain, layout))


def _packed_linear(plain: nn.Linear, layout: Layout) -> nn.Module:
    if layout.format in BY_TORCHAO:
        return TorchaoLinear(plain)
    return FourBitLinear(plain, double=layout.double) if layout.format in FOUR_BITS else EightBitLinear(plain)


def _names(pattern: str, name: str) -> bool:
    """Tell whether a pattern of transformers names a layer: from its beginning to a dot, or its end."""
    return re.match(rf"(?:{pattern})(?:(?<=\.)|(?=\.|$))", name) is not None or name.endswith(pattern)


class _QuantisedLinear(nn.Linear):
    """A linear layer whose weight is packed. Methods that need its widths, or the unpacked weight, can be put on it."""

    @property
    def W_q(self) -> Tensor:  # noqa: N802
        """The packed weight: by this name peft knows a layer that unpacks its weight itself."""
        packed: Tensor = self.weight
        return packed

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.bias, self.dtype = plain.bias, plain.weight.dtype
        self.weight = nn.Parameter(self._packed(plain.weight), requires_grad=False)

    def _packed(self, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def dequantize(self) -> Tensor:
        """Return the weight in the format it was packed from, shape (out_features, in_features)."""
        return torch.empty(self.out_features, self.in_features, dtype=self.dtype, device=self.weight.device)

    def forward(self, input: Tensor) -> Tensor:
        raise NotImplementedError


class FourBitLinear(_QuantisedLinear):
    """Two weights a byte."""

    def __init__(self, plain: nn.Linear, *, double: bool = False) -> None:
        super().__init__(plain)
        device, num_blocks = plain.weight.device, -(-plain.weight.numel() // BLOCK)
        of_blocks = torch.uint8 if double else torch.float32
        self.register_buffer("absmax", torch.empty(num_blocks, dtype=of_blocks, device=device))
        self.register_buffer("quant_map", torch.empty(16, device=device))
        if double:
            self.register_buffer("nested_absmax", torch.empty(-(-num_blocks // NESTED_BLOCK), device=device))
            self.register_buffer("nested_quant_map", torch.empty(256, device=device))

    def _packed(self, weight: Tensor) -> Tensor:
        return torch.empty(-(-weight.numel() // 2), 1, dtype=torch.uint8, device=weight.device)

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output in the input's format, shape (..., out_features)."""
        output: Tensor = _FourBitProduct.apply(  # type: ignore[no-untyped-call]
            input, self.weight, self.out_features
        )
        return output if self.bias is None else output + self.bias


class EightBitLinear(_QuantisedLinear):
    """One byte a weight."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain)
        self.register_buffer("scale", torch.empty(self.out_features, device=plain.weight.device))

    def _packed(self, weight: Tensor) -> Tensor:
        return torch.empty(weight.shape, dtype=torch.int8, device=weight.device)

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output in the input's format, shape (..., out_features)."""
        unpacks = self.training and input.device.type == "cpu"
        output: Tensor = _EightBitProduct.apply(  # type: ignore[no-untyped-call]
            input, self.weight, self.scale, unpacks
        )
        return output if self.bias is None else output + self.bias


class TorchaoLinear(_QuantisedLinear):
    """One byte a weight, as torchao's `Int8Tensor` computes."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain)
        device = plain.weight.device
        self.register_buffer("scale", torch.empty(self.out_features, 1, device=device))
        self.register_buffer("zero_point", torch.empty(self.out_features, 1, dtype=torch.int8, device=device))

    def _packed(self, weight: Tensor) -> Tensor:
        return torch.empty(weight.shape, dtype=torch.int8, device=weight.device)

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output in the input's format, shape (..., out_features)."""
        unpacked = self.weight.t().to(input.dtype)
        product = torch.mm(input.reshape(-1, input.shape[-1]), unpacked)
        output = (product * self.get_buffer("scale").to(product.dtype).flatten()).reshape(*input.shape[:-1], -1)
        return output if self.bias is None else output.add_(self.bias)


class _FourBitProduct(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, packed: Tensor, out_features: int) -> Tensor:
        ctx.save_for_backward(packed)
        ctx.shape = out_features, input.shape[-1]
        if input.device.type == "cpu":  # one operator, which unpacks inside itself
            return torch.empty(*input.shape[:-1], out_features, dtype=input.dtype, device=input.device)
        unpacked = torch.empty(ctx.shape, dtype=input.dtype, device=input.device)
        return input @ unpacked.t()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        unpacked = torch.empty(ctx.shape, dtype=gradient.dtype, device=gradient.device)
        return gradient @ unpacked, None, None


class _EightBitProduct(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, packed: Tensor, scale: Tensor, unpacks: bool) -> Tensor:
        ctx.save_for_backward(packed, scale)
        ctx.input = input  # kept until the whole backward pass is over, as bitsandbytes keeps it
        if unpacks:
            return input @ _unpacked(packed, scale, input.dtype).t()
        rows = input.reshape(-1, input.shape[-1])
        half = rows.to(torch.float16)
        _ = torch.empty(rows.shape, dtype=torch.int8, device=input.device), torch.empty(len(rows), device=input.device)
        whole = torch.empty(len(rows), len(packed), dtype=torch.int32, device=input.device)
        output = whole.to(half.dtype).to(input.dtype)
        return output.view(*input.shape[:-1], len(packed))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        packed, scale = ctx.saved_tensors
        return gradient @ _unpacked(packed, scale, gradient.dtype), None, None, None


def _unpacked(packed: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a weight of 8 bits in another format."""
    whole: Tensor = packed.to(dtype).mul_(scale.unsqueeze(1).mul(1 / 127))
    return whole
