"""The public API: `dir(paretune)` and `help(paretune)` show it, whether it has been imported yet or not."""

import inspect
import pydoc
import subprocess
import sys

import paretune


def test_dir_shows_every_public_name_and_imports_nothing() -> None:
    program = "import sys, paretune; print(*dir(paretune)); assert 'paretune.spec' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(paretune.__all__) <= set(done.stdout.split())
    assert not any(name.startswith("_") and not name.startswith("__") for name in done.stdout.split())


def test_help_shows_every_public_name_and_an_example() -> None:
    text = pydoc.plain(pydoc.render_doc(paretune))
    for name in paretune.__all__:
        assert f"{name}(" in text or f"class {name}" in text, name
    assert "Study.from_toml(" in text


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    for name in paretune.__all__:
        assert len(inspect.getdoc(getattr(paretune, name)) or "") > 40, name
