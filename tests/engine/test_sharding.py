"""Training over two processes, each with a slice of every parameter, computes what one process does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from paretune.execute.ranks import Ranks
from tests.engine import on_two_ranks

ROOT = Path(__file__).parents[2]
SCRIPT = "tests.engine.on_two_ranks"

LORA = {"name": "lora"}
EMBEDDINGS_TOO = {"name": "lora", "parameters": {"target_modules": ["q_proj", "embed_tokens"]}}
WITH_OPTIMIZER_OF_ITS_OWN = {"name": "lora-plus"}
FULL = {"name": "full"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")


def alone(folder: Path, *names: str) -> list[dict[str, Any]]:
    """Return what one process finds for each method."""
    command = [sys.executable, "-m", SCRIPT, str(folder), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def together(folder: Path, *names: str) -> list[dict[str, Any]]:
    """Return what two processes find."""
    ranks = Ranks(["-m", SCRIPT, str(folder), *names], 2)
    try:
        found = [json.loads(line) for line in ranks.first_output]
        while len(ranks.ended()) < 2:
            time.sleep(0.05)
        assert set(ranks.ended().values()) == {0}
    finally:
        ranks.kill()
    return found


def asked_for(method: Mapping[str, Any]) -> str:
    return json.dumps(method)


def test_two_processes_with_half_of_each_parameter_compute_what_one_does(tmp_path: Path) -> None:
    names = [asked_for(method) for method in (LORA, EMBEDDINGS_TOO, WITH_OPTIMIZER_OF_ITS_OWN, FULL)]
    one, two = alone(tmp_path / "one", *names), together(tmp_path / "two", *names)
    for name, expected, found in zip(names, one, two, strict=True):
        assert "error" not in found, (name, found)
        assert len(found["losses"]) == on_two_ranks.RECIPE.steps + 2
        assert found["losses"] == pytest.approx(expected["losses"], rel=1e-5), name
        assert found["losses"][0] != found["losses"][2]
        assert found["losses"][-1] == pytest.approx(found["losses"][-2], rel=1e-6)  # what was saved is what was trained


def test_a_saved_adapter_holds_every_process_s_slice(tmp_path: Path) -> None:
    (found,) = together(tmp_path, on_two_ranks.STAMPED + asked_for(EMBEDDINGS_TOO))
    assert found == {"losses": []}
    saved = load_file(tmp_path / "0" / "adapter_model.safetensors")
    assert any("embed_tokens" in name for name in saved)
    for name, tensor in saved.items():
        half = -(-len(tensor) // 2)
        assert torch.equal(tensor[:half], torch.ones_like(tensor[:half])), name
        assert torch.equal(tensor[half:], torch.full_like(tensor[half:], 2)), name
