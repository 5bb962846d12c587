"""How large a method's files would be: it saves as always, and what would be written is counted instead."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import safetensors.torch
from torch import Tensor, nn

from paretune.methods import Method

_HEADER_LENGTH_BYTES = 8
_save_file, _load_file = safetensors.torch.save_file, safetensors.torch.load_file


class PaperFiles:
    """Remembers tensors by the file that they would be in, and answers in place of safetensors."""

    def __init__(self) -> None:
        self._files: dict[Path, dict[str, Tensor]] = {}

    def save(self, tensors: Mapping[str, Tensor], filename: Any, metadata: Mapping[str, str] | None = None) -> None:
        """Take tensors in place of writing them. An empty file marks the place."""
        del metadata
        self._files[Path(filename)] = dict(tensors)
        Path(filename).touch()

    def load(self, filename: Any, device: Any = "cpu") -> dict[str, Tensor]:
        """Return what was saved."""
        del device
        return self._files[Path(filename)]

    @property
    def num_bytes(self) -> int:
        """Bytes that all the files would have, headers included."""
        return sum(map(_file_bytes, self._files.values()))


def checkpoint_bytes(method: Method, model: nn.Module) -> int:
    """Return the bytes of weights and configuration that the method would save for a model with fake tensors."""
    files = PaperFiles()
    with tempfile.TemporaryDirectory() as folder, _in_place_of_safetensors(files):
        method.save(model, Path(folder))
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return files.num_bytes + written


@contextmanager
def _in_place_of_safetensors(files: PaperFiles) -> Iterator[None]:
    """Let every module that imported safetensors' functions by name call those of `files`."""
    replacements: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
        (_save_file, files.save),
        (_load_file, files.load),
    ]
    with ExitStack() as stack:
        for module in list(sys.modules.values()):
            for name, value in list(vars(module).items()) if hasattr(module, "__dict__") else []:
                for original, replacement in replacements:
                    if value is original and module is not sys.modules[__name__]:
                        stack.enter_context(patch.object(module, name, replacement))
        yield


def _file_bytes(tensors: Mapping[str, Tensor]) -> int:
    """Return the size of a safetensors file: header's length, header, data."""
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    return _HEADER_LENGTH_BYTES + len(json.dumps(header, separators=(",", ":"))) + offset
