from pathlib import Path

from tests.docs.worked_example import GUIDE, make_example, with_outputs


def test_the_guide_shows_what_the_commands_print(tmp_path: Path) -> None:
    make_example(tmp_path)
    text = GUIDE.read_text(encoding="utf-8")
    assert text.count("$ paretune ") >= 4
    assert with_outputs(text, tmp_path) == text
