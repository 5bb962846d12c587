"""Scaled dot-product attention on fake tensors, which saves for the backward pass what CUDA's kernels save.

PyTorch chooses among fused kernels by device, so a fake model on the CPU would save what the CPU's kernel saves. Here
the choice is the one that PyTorch makes on CUDA (`aten/src/ATen/native/transformers/cuda/sdp_utils.cpp`): flash
attention for 16-bit tensors without a mask, otherwise the memory-efficient kernel, whose mask becomes an additive
bias and is padded.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

_ATEN = torch.ops.aten

MASK_ALIGNMENT = 16
"""The efficient kernel reads a mask whose rows are padded to a multiple of this many elements."""
FLASH_MAX_WIDTH = 256
"""Largest head dimension that flash attention supports."""


def cuda_attention(  # noqa: PLR0917 (PyTorch's signature)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return a tensor of the query's shape (batch, heads, sequence, width), having saved what CUDA's kernel saves."""
    if torch.is_autocast_enabled(query.device.type):  # CUDA's autocast has attention among its 16-bit operators
        dtype = torch.get_autocast_dtype(query.device.type)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
        if attn_mask is not None and attn_mask.is_floating_point():
            attn_mask = attn_mask.to(dtype)
    half = query.dtype in {torch.bfloat16, torch.float16}
    width = query.shape[-1]
    if half and attn_mask is None and width <= FLASH_MAX_WIDTH and value.shape[-1] == width:
        padded = [_to_multiple(tensor, 8) for tensor in (query, key, value)]
        output: Tensor = _ATEN._scaled_dot_product_flash_attention(*padded, dropout_p, is_causal, False, scale=scale)[0]
        return output[..., :width]
    if enable_gqa and key.shape[1] != query.shape[1]:
        repeats = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    bias = None if attn_mask is None else _bias(attn_mask, query, key)
    keeps = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
    attended: Tensor = _ATEN._scaled_dot_product_efficient_attention(
        query, key, value, bias, keeps, dropout_p, is_causal, scale=scale
    )[0]
    return attended


def _bias(mask: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Return the mask as an additive bias of the scores, expanded to (batch, heads, queries, keys)."""
    if mask.dtype == torch.bool:
        zero = torch.zeros((), dtype=query.dtype)
        mask = torch.where(mask, zero, torch.full((), float("-inf"), dtype=query.dtype))
    num_keys = key.shape[-2]
    aligned = _to_multiple(mask, MASK_ALIGNMENT)[..., :num_keys]
    return aligned.expand(query.shape[0], query.shape[1], query.shape[2], num_keys)


def _to_multiple(tensor: Tensor, multiple: int) -> Tensor:
    missing = -tensor.shape[-1] % multiple
    return pad(tensor, (0, missing)) if missing else tensor
