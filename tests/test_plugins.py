import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from paretune import plugins
from paretune.methods import method_cards
from paretune.tasks import get_task, task_names
from paretune.tasks.word_problems import WordProblems


def test_a_broken_plugin_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("good", "math:sqrt", "g"), EntryPoint("bad", "no_such_module:x", "g")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(points).select(group=group))
    plugins.forget_plugins()
    try:
        with pytest.warns(UserWarning, match='plug-in "bad" of an unknown package is left out'):
            found = plugins.load_plugins("g")
    finally:
        plugins.forget_plugins()
    assert list(found) == ["good"]


class OtherWords(WordProblems):
    """A task whose entry point takes a name that Paretune has."""


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield the entry points that packages offer, by name; all of the groups of tasks and methods."""
    points: dict[str, str] = {}

    def entry_points(group: str) -> EntryPoints:
        return EntryPoints([EntryPoint(name, value, group) for name, value in points.items()])

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    plugins.forget_plugins()
    yield points
    plugins.forget_plugins()


def test_an_entry_point_of_a_wrong_type_is_named_and_left_out(offered: dict[str, str]) -> None:
    offered["not-a-class"] = "math:sqrt"
    with pytest.warns(UserWarning, match='"not-a-class" is left out: .* subclass of paretune.tasks.base.AnyTask'):
        assert "word_problems" in task_names()
    with pytest.warns(UserWarning, match='"not-a-class" is left out: .* subclass of paretune.methods.base.Method'):
        assert "not-a-class" not in {card.name for card in method_cards()}


def test_a_plugin_replaces_nothing_that_is_there(offered: dict[str, str]) -> None:
    offered["word_problems"] = "tests.test_plugins:OtherWords"
    with pytest.warns(UserWarning, match='"word_problems" is left out: Paretune has something of that name'):
        assert type(get_task("word_problems")) is WordProblems


def test_each_plugin_that_is_left_out_is_one_line_of_the_command(tmp_path: Path) -> None:
    installed = tmp_path / "faulty-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    points = "broken = faulty:Anything\nleaves = faulty_exit:Anything\nword_problems = tests.test_plugins:OtherWords\n"
    (installed / "entry_points.txt").write_text(f"[paretune.tasks]\n{points}")
    (tmp_path / "faulty.py").write_text("raise ImportError('no name foo\\nfrom bar')\n")
    (tmp_path / "faulty_exit.py").write_text("raise SystemExit('stop')\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-m", "paretune", "tasks"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert sorted(done.stderr.splitlines()) == [
        'paretune: plug-in "broken" of faulty is left out: no name foo from bar',
        'paretune: plug-in "leaves" of faulty is left out: stop',
        'paretune: plug-in "word_problems" is left out: Paretune has something of that name',
    ]
