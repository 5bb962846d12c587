"""Vectorised replacements of library functions that loop over the rows of a matrix."""

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from paretune.estimate.fake.value_tracking import LARGEST_ON_HOST


def permutation_matrix(layer: Any, indices: Tensor) -> Tensor:
    """Return what BOFT's `perm2mat` makes: float32, shape (n, n), in each row a one at the index given for it.

    A large one has no values: BOFT copies it into a fake tensor, which keeps none of that size.
    """
    del layer
    count = len(indices)
    if count * count > LARGEST_ON_HOST:
        return torch.empty(count, count)
    matrix = torch.zeros(count, count)
    matrix[torch.arange(count), indices] = 1
    return matrix


_AT_ONCE = {("peft.tuners.boft.layer", "BOFTLayer", "perm2mat"): permutation_matrix}


@contextmanager
def functions_at_once() -> Iterator[None]:
    """Patch the functions above into libraries, where the installed version has the originals."""
    with ExitStack() as stack:
        for (module, owner, name), function in _AT_ONCE.items():
            with suppress(ImportError, AttributeError):
                stack.enter_context(patch.object(getattr(importlib.import_module(module), owner), name, function))
        yield
