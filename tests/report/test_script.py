"""The modules of the page's script: one scope, no second loading."""

import re
from importlib.resources import files

from paretune.report.html.template import script

FOLDER = files("paretune.report.html") / "js"
SOURCES = {one.name: one.read_text(encoding="utf-8") for one in FOLDER.iterdir() if one.name.endswith(".js")}
_DECLARED = re.compile(r"^(?:export )?(?:const|let|function|class) (\w+)", re.MULTILINE)
_IMPORTED = re.compile(r'^import \{ ([^}]*) \} from "\./([\w-]+\.js)";$', re.MULTILINE)


def test_no_two_modules_declare_the_same_name() -> None:
    names = [name for text in SOURCES.values() for name in _DECLARED.findall(text)]
    assert sorted(names) == sorted(set(names))


def test_every_import_is_exported_where_it_is_looked_for() -> None:
    for name, text in SOURCES.items():
        for wanted, source in _IMPORTED.findall(text):
            for one in wanted.split(", "):
                assert re.search(rf"^export const {one}\b", SOURCES[source], re.MULTILINE), (name, one, source)


def test_the_script_is_all_modules_each_once_and_loads_none() -> None:
    text = script()
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    for source in SOURCES.values():
        head = source.partition("*/")[0]
        assert text.count(head) == 1
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b|\beval\(|new Function", text)
