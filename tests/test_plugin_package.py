"""A method from another package is installed, keeps the contract and runs in a study; no file here knows of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paretune.store import load_records

PACKAGE = Path(__file__).parent / "plugin_package"
PARETUNE = [sys.executable, "-c", "from paretune.cli import main; main()"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the package into a folder of its own, and return an environment that sees it beside ours."""
    target = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source") / "package"
    _copy(PACKAGE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    _run([*pip, "--disable-pip-version-check", "--target", str(target), str(source)], dict(os.environ))
    path = os.pathsep.join([str(target), *(entry for entry in sys.path if entry)])
    return {**os.environ, "PYTHONPATH": path}


def test_it_keeps_the_contract(environment: dict[str, str]) -> None:
    said = _run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(PACKAGE / "tests")], environment)
    assert "26 passed" in said


def test_it_is_listed_with_its_own_words(environment: dict[str, str]) -> None:
    cards = json.loads(_run([*PARETUNE, "methods", "--json"], environment))
    (card,) = (card for card in cards if card["name"] == "block-gains")
    assert card["family"] == "vectors"
    assert card["prior_learning_rate"] == 0.02


def test_it_runs_in_a_study_beside_lora(environment: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"{n} + 1 =", "completion": f" {n + 1}"} for n in range(24)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(
        'name = "beside-lora"\nbase_model = "toy:llama"\nmethods = ["lora", "block-gains"]\n'
        f'[[tasks]]\nname = "own_data"\noptions = {{ path = "{data}", max_new_tokens = 3 }}\n'
        "[recipe]\nsteps = 3\nbatch_size = 4\n",
        encoding="utf-8",
    )
    out = tmp_path / "results"
    _run([*PARETUNE, "run", str(study), "--out", str(out), "--jobs", "2"], environment)
    records = {record.trial.method.label: record for record in load_records(out)}
    assert records.keys() == {"lora", "block-gains"}
    assert records["block-gains"].outcome.kind == "ok"
    assert records["block-gains"].metrics["trainable_parameters"] == 2 * 2 * 64
    marks = records["block-gains"].audit
    assert marks is not None
    assert marks.audit is not None, "its package comes with its audit"
    assert not marks.answered_alone
    assert marks.warnings == {}


def test_its_audit_is_recorded_in_its_own_package(environment: dict[str, str], tmp_path: Path) -> None:
    installed = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    copy = tmp_path / "installed"
    shutil.copytree(installed, copy)
    (copy / "paretune_block_gains" / "recorded_audit.json").unlink()
    path = os.pathsep.join([str(copy), *environment["PYTHONPATH"].split(os.pathsep)[1:]])
    here = {**environment, "PYTHONPATH": path}
    capabilities = [
        sys.executable,
        "-c",
        "from paretune.methods import resolve; from paretune.methods.capabilities import capabilities_of; "
        "from paretune.spec import MethodEntry; "
        "print(capabilities_of(resolve(MethodEntry(name='block-gains'))).batch_invariant)",
    ]
    assert _run(capabilities, here) == "None\n"
    _run([*PARETUNE, "audit", "block-gains", "--record", "--jobs", "1"], here)
    assert _run(capabilities, here) == "True\n"
    value = json.loads((copy / "paretune_block_gains" / "recorded_audit.json").read_text(encoding="utf-8"))
    assert [one["method"]["name"] for one in value["methods"]] == ["block-gains"]


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(source: Path, target: Path) -> None:
    """Copy a package, so that building it leaves nothing beside its source."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
