"""What predicting memory relies on in torch, beyond what torch promises: after an upgrade this file fails first."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from paretune.estimate.fake import cuda_autocast
from paretune.estimate.fake.fake_tensors import fake_tensors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend" / "torch.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("| in torch |") : PAGE.index("Two facts")]
LISTED = re.findall(r"`(torch\.[\w.]+)`", TABLE)
SOURCE = ROOT / "src" / "paretune"
CODE = [*(SOURCE / "estimate" / "fake").glob("*.py"), SOURCE / "measure" / "memory.py"]
OURS = re.compile(r"^_[A-Z]|^__")
"""Constants and special methods."""
NOT_USED_HERE = re.compile(
    r"_cell|_thnn_|upsample|deprecated|^(poisson_nll|hinge_embedding|margin_ranking|multilabel_margin|soft_margin"
    r"|triplet_margin|multi_margin)_loss$|^_scaled_dot_product_flash_attention$"
)
HEADER = Path(torch.__file__).parent / "include" / "ATen" / "autocast_mode.h"


def resolved(name: str) -> Any:
    """Return what a dotted name stands for, behind the longest part of it that is a module."""
    parts = name.split(".")
    for place in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:place]))
        except ImportError:
            continue
        return attrgetter(".".join(parts[place:]))(found)
    raise AssertionError(name)


@pytest.mark.parametrize("name", LISTED)
def test_it_is_there(name: str) -> None:
    assert resolved(name) is not None


def private_names(path: Path) -> Iterator[str]:
    """Yield names of torch with a leading underscore that a module imports, patches by name, or asks an object for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {
        node.attr if isinstance(node, ast.Attribute) else node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "ctx"})
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            private = any(part.startswith("_") for part in (node.module or "").split("."))
            yield from (alias.name for alias in node.names if private or alias.name.startswith("_"))
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not OURS.match(node.attr):
            operator = isinstance(node.value, ast.Name) and node.value.id == "_ATEN"
            if node.attr not in own and not operator:
                yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("torch."):
            yield node.value.rpartition(".")[2]


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_whatever_is_private_is_on_the_page(path: Path) -> None:
    elsewhere = {"_shared_state", "_replace", "_schema", "_all_slices", "_parts", "_C", "_getframe"}
    missing = {name for name in private_names(path) if name not in TABLE} - elsewhere
    assert not missing, f"docs/extend/torch.md does not list {sorted(missing)}"


def test_every_file_of_the_page_exists_and_uses_something_of_its_line() -> None:
    for line in TABLE.strip().splitlines()[2:]:
        names, _, files = (cell.strip() for cell in line.strip("| ").rsplit(" | ", 2))
        last = [name.rpartition(".")[2] for name in re.findall(r"`torch\.([\w.]+)`", names)]
        for file in re.findall(r"`(\w+\.py)`", files):
            (path,) = [one for one in CODE if one.name == file]
            text = path.read_text(encoding="utf-8")
            assert any(re.search(rf"\b{name}\b", text) for name in [*last, "prim"]), (file, last)


def test_fake_tensors_are_made_as_they_were() -> None:
    assert list(inspect.signature(FakeTensor.__new__).parameters)[:4] == ["cls", "fake_mode_or_elem", "elem", "device"]
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    assert mode.cache_enabled in {True, False}
    assert hasattr(mode, "avoid_device_init")
    fake = mode.from_tensor(torch.ones(2))
    assert fake.fake_device == torch.device("cpu")
    assert fake.fake_mode is mode
    assert fake.constant is None


def test_the_device_that_nothing_else_uses_is_there() -> None:
    assert torch.device("lazy", 0).type == "lazy"


def test_the_engine_s_backward_pass_is_one_python_function() -> None:
    assert torch.autograd.graph._engine_run_backward.__code__.co_name == "_engine_run_backward"
    assert torch._C._current_graph_task_id() == -1


def test_states_of_accelerate_can_be_set_aside() -> None:
    assert all(isinstance(state._shared_state, dict) for state in (PartialState, AcceleratorState, GradientState))


def header_operators(macro: str) -> set[str]:
    """Return the operators of one of torch's lists, as `name` or `name.overload`."""
    text = HEADER.read_text(encoding="utf-8")
    block = re.search(rf"#define {macro}\(_\)(.*?)\n\n", text, re.DOTALL)
    assert block is not None, f"{HEADER.name} has no {macro}"
    found = re.findall(r"_\((\w+)(?:, (\w+))?\)", block[1])
    return {f"{name}.{overload}" if overload else name for name, overload in found}


@pytest.mark.parametrize(
    ("macro", "ours"),
    [
        ("AT_FORALL_LOWER_PRECISION_FP", cuda_autocast._IN_16_BITS),
        ("AT_FORALL_FP32", cuda_autocast._IN_FLOAT32),
        ("AT_FORALL_FP32_SET_OPT_DTYPE", cuda_autocast._INTO_FLOAT32),
    ],
)
def test_autocast_s_lists_are_torch_s(macro: str, ours: tuple[str, ...]) -> None:
    theirs = {name for name in header_operators(macro) if not NOT_USED_HERE.search(name)}
    assert theirs == {name for name in ours if not name.startswith("norm.")}  # which torch lists by itself


def test_a_step_on_the_fake_device_runs() -> None:
    with fake_tensors("cuda") as device:
        layer = torch.nn.Linear(8, 4).to(device)
        optimizer = torch.optim.AdamW(layer.parameters())
        with torch.autocast(device.type, dtype=torch.bfloat16):
            output = layer(torch.ones(2, 8, device=device))
        output.float().sum().backward()
        optimizer.step()
    assert output.dtype == torch.bfloat16
    assert output.device == device
