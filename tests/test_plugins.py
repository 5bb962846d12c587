from importlib.metadata import EntryPoint, EntryPoints

import pytest

from paretune import plugins


def test_a_broken_plugin_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("good", "math:sqrt", "g"), EntryPoint("bad", "no_such_module:x", "g")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(points).select(group=group))
    plugins.load_plugins.cache_clear()
    try:
        with pytest.warns(UserWarning, match='plug-in "bad" of an unknown package is left out'):
            found = plugins.load_plugins("g")
    finally:
        plugins.load_plugins.cache_clear()
    assert list(found) == ["good"]
