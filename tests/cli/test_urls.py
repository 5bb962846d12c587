"""Commands on results at a URL, in this process: memory:// is nowhere else."""

import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from paretune.cli import main
from tests.buckets import register

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Return a function that runs a command line and returns its exit code."""
    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "cache"))
    register()

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["paretune", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


def test_a_study_runs_and_is_read_at_a_url(
    call: Call,
    study_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"memory://{uuid.uuid4().hex}/toy"
    assert call("run", study_file, "--out", url) == 0
    said = capsys.readouterr()
    assert f"paretune recommend {url}" in said.out
    assert f"Records go to {url}" in said.err
    files = fsspec.filesystem("memory").find(fsspec.core.strip_protocol(url))
    names = [name.split("/toy/")[1] for name in files]
    assert {"study.json", "index.html"} <= set(names)
    assert "writer.json" not in names
    assert len([name for name in names if name.startswith("records/")]) == 2
    assert any(name.startswith("adapters/") and name.endswith(".safetensors") for name in names)

    monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "another-machine"))
    assert call("results", url) == 0
    assert "lora" in capsys.readouterr().out
    assert call("compare", url, "lora", "base") == 0
    assert call("recommend", url, "--min-accuracy", "0%") == 0
    assert f"{url}/adapters/" in capsys.readouterr().out
    assert call("page", url, "-o", tmp_path / "page.html") == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    capsys.readouterr()
    assert call("run", study_file, "--out", url) == 0
    assert "start" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [("results",), ("recommend",), ("page",), ("claim",)])
def test_a_url_that_cannot_be_reached_is_one_line(
    call: Call, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lora beats base"] if command == ("claim",) else []
    assert call(*command, "unreachable://bucket/study", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("paretune: unreachable://bucket/study: cannot be reached: Could not connect to the endpoint")


def test_a_budget_needs_a_folder(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("run", "--methods", "base,lora", "--model", "toy:llama", "--budget", "1h", "--out", "memory://x/y")
    assert call(*words) == 2
    assert "memory://x/y: --budget" in capsys.readouterr().err
