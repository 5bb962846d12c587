import re
from pathlib import Path

import pytest

from tests.docs.worked_example import GUIDE, make_example, with_outputs


def test_the_guide_shows_what_the_commands_print(tmp_path: Path) -> None:
    make_example(tmp_path)
    text = GUIDE.read_text(encoding="utf-8")
    assert text.count("$ paretune ") >= 4
    assert with_outputs(text, tmp_path) == text


def test_the_guide_s_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_example(tmp_path)
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, object] = {}
    exec(snippet, found)  # the repository's own text
    assert {"comparison", "answer", "front"} <= found.keys()
