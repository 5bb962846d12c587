"""Linear layers as bitsandbytes holds them, on paper: the bytes of its layouts, and what computing with them takes.

4 bit (as in QLoRA, arXiv 2305.14314, with the defaults of transformers' `BitsAndBytesConfig`): two weights a byte, and
one absolute maximum in float32 for every 64 weights. A layer unpacks its whole weight into the computing format for
every pass, forward and backward, and lets it go at once.

8 bit (LLM.int8(), arXiv 2208.07339): one byte a weight, one float32 scale a row. The forward pass turns its input into
8 bits, multiplies into int32 and scales back; the backward pass unpacks the weight into the computing format.

Embeddings, norms and the output layer stay as they are, as transformers leaves them.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from paretune.estimate.settings import Quantised
from paretune.spec import InputError

BLOCK = 64


def quantise(model: nn.Module, kind: Quantised) -> None:
    """Replace the linear layers of a model, in place. Raises `InputError` where there are none to replace."""
    get_output: Any = getattr(model, "get_output_embeddings", lambda: None)
    output = get_output()
    layers = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and child is not output
    ]
    if not layers:
        raise InputError("this model has no linear layers that could be quantised")
    make = FourBitLinear if kind == "4bit" else EightBitLinear
    for parent, name, child in layers:
        setattr(parent, name, make(child))


class _QuantisedLinear(nn.Linear):
    """A linear layer whose weight is packed. Methods that only need its widths can be put on it."""

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.bias = plain.bias
        self.weight = nn.Parameter(self._packed(plain.weight), requires_grad=False)

    def _packed(self, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        raise NotImplementedError


class FourBitLinear(_QuantisedLinear):
    """Two weights a byte."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain)
        device, num_blocks = plain.weight.device, -(-plain.weight.numel() // BLOCK)
        self.register_buffer("absmax", torch.empty(num_blocks, device=device))
        self.register_buffer("quant_map", torch.empty(16, device=device))

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
        output: Tensor = _EightBitProduct.apply(input, self.weight)  # type: ignore[no-untyped-call]
        return output if self.bias is None else output + self.bias


class _FourBitProduct(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, packed: Tensor, out_features: int) -> Tensor:
        ctx.save_for_backward(packed)
        ctx.shape = out_features, input.shape[-1]
        unpacked = torch.empty(ctx.shape, dtype=input.dtype, device=input.device)
        return input @ unpacked.t()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        unpacked = torch.empty(ctx.shape, dtype=gradient.dtype, device=gradient.device)
        return gradient @ unpacked, None, None


class _EightBitProduct(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, packed: Tensor) -> Tensor:
        ctx.save_for_backward(packed)
        rows = input.reshape(-1, input.shape[-1])
        _ = torch.empty(rows.shape, dtype=torch.int8, device=input.device), torch.empty(len(rows), device=input.device)
        whole = torch.empty(len(rows), len(packed), dtype=torch.int32, device=input.device)
        return whole.to(input.dtype).view(*input.shape[:-1], len(packed))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (packed,) = ctx.saved_tensors
        return gradient @ packed.to(gradient.dtype), None
