collect_ignore = ["plugin_package"]
"""A package of its own: tests/test_plugin_package.py installs it and runs its tests."""
