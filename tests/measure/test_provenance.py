import platform
import subprocess
from pathlib import Path

import torch

from paretune.measure import collect_provenance
from paretune.measure.provenance import git_commit
from paretune.spec import Provenance


def test_every_field_is_filled() -> None:
    found = collect_provenance(concurrent_workers=2, model_note="dequantised")
    assert found.packages["torch"] == torch.__version__
    assert {"transformers", "peft", "numpy"} <= set(found.packages)
    assert found.python == platform.python_version()
    assert found.platform.startswith(platform.system())
    assert found.device
    assert found.num_threads == torch.get_num_threads()
    assert (found.concurrent_workers, found.model_note) == (2, "dequantised")
    assert Provenance.model_validate_json(found.model_dump_json()) == found


def test_the_same_machine_is_the_same_environment_and_more_workers_are_not() -> None:
    alone = collect_provenance(concurrent_workers=1)
    assert alone.environment == collect_provenance(concurrent_workers=1, model_note="another").environment
    assert alone.environment != collect_provenance(concurrent_workers=2).environment


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_commit_is_given_only_for_files_under_version_control(tmp_path: Path) -> None:
    package = tmp_path / "src" / "package"
    package.mkdir(parents=True)
    (package / "module.py").write_text("one = 1\n")
    assert git_commit(package) is None
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "readme").write_text("hello\n")
    _git(tmp_path, "add", "readme")
    _git(tmp_path, "commit", "--quiet", "-m", "first")
    assert git_commit(package) is None  # inside a checkout, but no part of it
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "-m", "second")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(package) == commit
    (tmp_path / "readme").write_text("changed\n")
    assert git_commit(package) == commit
    (package / "module.py").write_text("one = 2\n")
    assert git_commit(package) == f"{commit}-dirty"
