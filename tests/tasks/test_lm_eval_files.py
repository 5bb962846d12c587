"""Tasks of lm-eval are found by name, and what cannot be found is told in one line, without lm-eval itself."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from paretune.spec import InputError
from paretune.tasks import get_task, task_class
from paretune.tasks.harness.files import task_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder like lm-eval's own."""
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "default_law.yaml").write_text('"tag": "laws"\n"task": "professional_law" # quoted\n', "utf-8")
    (tmp_path / "law" / "_law.yaml").write_text("group: law\ntask:\n  - professional_law\n", "utf-8")
    (tmp_path / "biology.yaml").write_text("task: chemistry\n", "utf-8")
    (tmp_path / "other.yaml").write_text("task: biology\r\noutput_type: multiple_choice\r\n", "utf-8")
    return tmp_path


def test_a_task_is_found_by_the_name_in_its_file(folder: Path) -> None:
    assert task_file("professional_law", None, folder) == folder / "law" / "default_law.yaml"
    assert task_file("biology", None, folder) == folder / "other.yaml"
    assert task_file("chemistry", None, folder) == folder / "biology.yaml"


def test_groups_and_unknown_names_are_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r'^task "lm-eval:law" is a group of tasks in lm-eval; name its tasks one by'):
        task_file("law", None, folder)
    with pytest.raises(InputError, match=r'unknown task "lm-eval:biologie" \(did you mean "biology"\?\)'):
        task_file("biologie", None, folder)


def test_a_folder_of_ones_own_comes_first(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.mktemp("own")
    (own / "mine.yaml").write_text("task: biology\noutput_type: multiple_choice\n", "utf-8")
    assert task_file("biology", own, folder) == own / "mine.yaml"
    (own / "mine.yaml").write_text("task: biology\nprocess_docs: !function code.run\n", "utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml: !function names code, which a study does not run"):
        task_file("biology", own, folder)


def test_files_that_include_each_other_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.mktemp("own")
    (own / "mine.yaml").write_text("task: biology\ninclude: base.yaml\n", "utf-8")
    (own / "base.yaml").write_text("include: mine.yaml\n", "utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml: includes itself$"):
        task_file("biology", own, folder)


def test_without_lm_eval_one_line_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr("paretune.tasks.harness.source.find_spec", missing)
    with pytest.raises(
        InputError, match=r'^task "lm-eval:arc_easy" needs the package lm-eval: pip install "paretune\['
    ):
        get_task("lm-eval:arc_easy")
    assert task_class("lm-eval:arc_easy").card.name == "lm-eval:arc_easy"
