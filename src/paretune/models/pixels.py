"""Pictures as tokens without an autoencoder: patches of pixels, for the small image model."""

from torch import Tensor

PATCH_PIXELS = 8


def to_patches(pictures: Tensor) -> Tensor:
    """Return pictures (batch, 3, height, width) as tokens (batch, rows * columns, 3 * PATCH_PIXELS ** 2)."""
    size = PATCH_PIXELS
    patches = pictures.unfold(2, size, size).unfold(3, size, size)  # (batch, 3, rows, columns, size, size)
    return patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def to_pictures(patches: Tensor, height_pixels: int, width_pixels: int) -> Tensor:
    """Return tokens as the pictures that `to_patches` made them of."""
    size = PATCH_PIXELS
    rows, columns = height_pixels // size, width_pixels // size
    apart = patches.reshape(-1, rows, columns, 3, size, size)
    return apart.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, height_pixels, width_pixels)
