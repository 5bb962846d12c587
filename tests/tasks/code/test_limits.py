"""The weaker way to run programs, asked for by its name: what it stops, and what it does not."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from paretune.spec import InputError
from paretune.tasks import get_task
from paretune.tasks.code import Limits, Sandbox, find_sandbox, judge_calls, judge_check, sandbox
from paretune.tasks.code.judge import Case

_LIMITS = Limits(processor_seconds=1, memory_bytes=128 * 2**20)
_RIGHT = "\ndef solve(x):\n    return x + 1\n"
_CASES = [Case((1,), 2), Case((5,), 6)]
_TEST = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n"

RIGHT = {
    "plain": _RIGHT,
    "prints": "def solve(x):\n    print('here')\n    return x + 1",
    "imports": "import collections, functools, itertools, json, math, re, statistics, string\n" + _RIGHT,
    "imports in a call": "def solve(x):\n    from fractions import Fraction\n    return int(Fraction(x) + 1)",
    "computes": "def solve(x):\n    return sum(range(10**5)) - sum(range(10**5)) + x + 1",
}

# Each would be right but for what it does first. None can do harm where nothing stops it: they reach for one file,
# one port and one process that are there for the test.
STOPPED = {
    "reads a file": "secret = open('{canary}').read()",
    "reads a file by a way around": "import sys\nsecret = open(sys.base_prefix + '/../' * 9 + '{canary}').read()",
    "reads a file next to Python's": "import sys\nsecret = open(sys.base_prefix + 'x').read()",
    "overwrites a file": "open('{canary}', 'w').write('changed')",
    "writes a new file": "open('{canary}.new', 'w').write('new')",
    "appends without open": "import os\nos.write(os.open('{canary}', os.O_WRONLY | os.O_APPEND), b'changed')",
    "deletes a file": "import os\nos.remove('{canary}')",
    "moves a file": "import os\nos.rename('{canary}', '{canary}.new')",
    "starts a process": "import subprocess\nsubprocess.run(['/usr/bin/touch', '{canary}.new'], check=True)",
    "starts a shell": "import os\nassert os.system('touch {canary}.new') == 0",
    "forks": "import os\nos.fork()",
    "starts a thread": "import threading\nthreading.Thread(target=print).start()",
    "sends a signal": "import os\nos.kill({pid}, 0)",
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "reads the environment": "import os\nsecret = os.environ['PARETUNE_SECRET']",
    "calls C": "import ctypes\nctypes.CDLL(None).getpid()",
    "lifts its limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "edits the list of what is refused": "import __main__\n__main__.FORBIDDEN = ()\nopen('{canary}')",
    "another interpreter": "import _xxsubinterpreters",
    "endless loop": "while True: pass",
    "10 GB of bytes": "held = bytearray(10 * 2**30)",
    "ends at once": "import os\nos._exit(0)",
    "is no Python": "def solve(x) return x + 1",
}


@pytest.fixture(scope="module", autouse=True)
def limits() -> Iterator[Sandbox]:
    """Yield the limits by their name, as a study asks for them.

    Root becomes nobody first, who may not be allowed to read root's own Python: then the system's is taken.
    """
    with pytest.MonkeyPatch.context() as patched:
        try:
            found = find_sandbox("limits")
        except InputError:
            patched.setattr(sandbox, "_python", lambda: Path("/usr/bin/python3"))
            try:
                found = find_sandbox("limits")
            except InputError as error:
                pytest.skip(str(error))
        yield found
    find_sandbox.cache_clear()


@pytest.fixture
def canary() -> Iterator[Path]:
    """Yield a file that everybody may change: what stops a program is the guard, not permissions."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = Path(folder) / "canary"
        file.write_text("untouched")
        file.chmod(0o666)
        yield file
        assert file.read_text() == "untouched"
        assert [path.name for path in Path(folder).iterdir()] == ["canary"]


@pytest.fixture
def program(request: pytest.FixtureRequest, canary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield a program, and find nobody connected after it."""
    monkeypatch.setenv("PARETUNE_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        text = STOPPED[request.param]
        for name, value in (("canary", canary), ("port", listening.getsockname()[1]), ("pid", os.getpid())):
            text = text.replace(f"{{{name}}}", str(value))
        yield text if "def solve" in text else text + _RIGHT
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_harmless_program_is_right(text: str, limits: Sandbox) -> None:
    """Both where results are compared outside and where the data set's own test calls it."""
    assert judge_calls(text, "solve", _CASES, limits, _LIMITS) == ("passed", 2, 2)
    assert judge_check(text, "solve", "", _TEST, limits, _LIMITS) == ("passed", 1, 1)


@pytest.mark.parametrize("program", STOPPED, indirect=True)
def test_a_hostile_program_is_stopped(program: str, limits: Sandbox) -> None:
    """It does no harm and is not right."""
    assert not judge_calls(program, "solve", _CASES, limits, _LIMITS).passed


def test_what_is_not_hidden(canary: Path, limits: Sandbox) -> None:
    """As the guide says: names, sizes and times of files can be seen."""
    seen = f"import os\nassert os.listdir({str(canary.parent)!r}) == ['canary']\n"
    seen += f"assert os.stat({str(canary)!r}).st_size == 9\n"
    assert judge_calls(seen + _RIGHT, "solve", _CASES, limits, _LIMITS).passed


def test_a_task_asks_for_it_by_name(limits: Sandbox) -> None:
    """The note of its records says that there was no sandbox."""
    task = get_task("code_problems", {"sandbox": "limits", "train_size": 4, "validation_size": 2, "test_size": 2})
    task.fit_options()
    example = task.examples("test")[0]
    assert task.score(example.completion, example)["pass_at_1"] == 1.0
    assert task.score("    return open('/etc/passwd')\n", example)["pass_at_1"] == 0.0
    assert limits.words == "limits of the operating system and Python's audit hooks, without a sandbox"
