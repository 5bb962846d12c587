"""Whether programs can be run in the sandbox here, for tests that need one."""

import pytest

from paretune.spec import InputError
from paretune.tasks.code import find_sandbox


def why_no_sandbox() -> str:
    """Return why there is none, in one line; empty where there is one."""
    try:
        find_sandbox()
    except InputError as error:
        return str(error)
    return ""


needs_sandbox = pytest.mark.skipif(bool(why_no_sandbox()), reason=why_no_sandbox() or "there is a sandbox")
