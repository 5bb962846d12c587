"""Programs that want to do harm, to stay for ever or to seem right: each is stopped, and none is right."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from paretune.tasks.code import Limits, Sandbox, find_sandbox, judge_calls, judge_check
from paretune.tasks.code.judge import Case
from tests.tasks.code.sandboxes import needs_sandbox

pytestmark = needs_sandbox
_LIMITS = Limits(processor_seconds=1)
# On a busy machine the limit that a program is meant to meet must still be the first one that it meets.
_LIMITS_OF = {
    "sleeps": Limits(clock_seconds=2.0),
    "memory piece by piece": Limits(processor_seconds=60, memory_bytes=128 * 2**20),
    "never ends its answer": Limits(processor_seconds=60),
    "deletes everything": Limits(processor_seconds=60),
}
_RIGHT = "\ndef solve(x):\n    return x + 1\n"
_CASES = [Case((1,), 2), Case((5,), 6)]
_TEST = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n"

# Each would be right but for what it does before or in place of an answer.
ATTACKS = {
    "endless loop": "while True: pass",
    "endless loop in a call": "def solve(x):\n    while True: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "ignores the limit on time": "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
    "fork bomb": "import os\nwhile True: os.fork()",
    "threads without end": "import threading\nwhile True: threading.Thread(target=lambda: None).start()",
    "starts a process": "import subprocess\nsubprocess.run(['/usr/bin/touch', '{canary}'], check=True)",
    "10 GB list": "held = [0] * (10 * 2**30 // 8)",
    "10 GB of bytes": "held = bytearray(10 * 2**30)",
    "memory piece by piece": "held = []\nwhile True: held.append(bytearray(2**20))",
    "fills its folder": "for number in range(10**6): open(f'file{number}', 'wb').write(bytes(2**20))",
    "one large file": "open('file', 'wb').write(bytes(2**26))",
    "deletes a file": "import os\nos.remove('{canary}')",
    "deletes everything": "import shutil\nshutil.rmtree('/', onerror=lambda *ignored: None)\nopen('{canary}')",
    "overwrites a file": "open('{canary}', 'w').write('changed')",
    "reads a file": "secret = open('{canary}').read()",
    "writes beside its folder": "open('/outside', 'w').write('here')",
    "writes to Python": "import os\nopen(os.__file__, 'a').write('changed')",
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "connects without a network": "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0paretune-test')",
    "reads the environment": "import os\nsecret = os.environ['PARETUNE_SECRET']",
    "kills its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass",
    "kills everybody": "import os, signal\nos.kill(-1, signal.SIGKILL)\nraise SystemExit",
    "kills by number": "import os, signal\nos.kill({pid}, signal.SIGKILL)",
    "ends at once": "import os\nos._exit(0)",
    "ends politely": "raise SystemExit(0)",
    "recursion": "def again(): again()\nagain()",
    "crashes the interpreter": "import ctypes\nctypes.string_at(0)",
    "lifts its limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "becomes root": "import os\nos.setuid(0)",
    "answers before it is asked": (
        'import os\nfor number in range(3, 20):\n    try: os.write(number, b\'{"value": 2}\\n{"value": 6}\\n\')\n'
        "    except OSError: pass\nraise ValueError"
    ),
    "says that it passed": (
        "import os\nfor number in range(3, 20):\n    try: os.write(number, b'{\"passed\": true}\\n' * 9)\n"
        "    except OSError: pass\nos._exit(0)"
    ),
    "is equal to everything": (
        "class Any(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
        "def solve(x): return Any()"
    ),
    "forges what is sent": (
        'import json\njson.dumps = lambda document: \'{"value": 2, "ready": true}\'\ndef solve(x): return 0'
    ),
    "never ends its answer": "def solve(x): return 'a' * 10**8",
    "deep answer": "def solve(x):\n    found = []\n    for _ in range(10**5): found = [found]\n    return found",
    "is no Python": "def solve(x) return x + 1",
    "null bytes": "def solve(x): return 2\0",
}


class Attack(NamedTuple):
    """A program that must not be judged to be right, and the limits it runs under."""

    program: str
    limits: Limits


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Return the sandbox of this machine."""
    return find_sandbox()


@pytest.fixture
def attack(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attack]:
    """Yield a program, and find what it must not touch untouched after it."""
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    monkeypatch.setenv("PARETUNE_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        text = ATTACKS[request.param]
        for name, value in (("canary", canary), ("port", listening.getsockname()[1]), ("pid", os.getpid())):
            text = text.replace(f"{{{name}}}", str(value))
        program = text if "def solve" in text else text + _RIGHT
        yield Attack(program, _LIMITS_OF.get(request.param, _LIMITS))
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert canary.read_text() == "untouched"
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]


@pytest.mark.parametrize("attack", ATTACKS, indirect=True)
def test_no_harm_and_not_right(attack: Attack, sandbox: Sandbox) -> None:
    """Three times the same verdict, and it is not that the program is right."""
    found = {judge_calls(attack.program, "solve", _CASES, sandbox, attack.limits).reason for _ in range(3)}
    assert len(found) == 1
    assert found != {"passed"}


@pytest.mark.parametrize("attack", ATTACKS, indirect=True)
def test_not_right_by_a_test_that_is_code(attack: Attack, sandbox: Sandbox) -> None:
    """The same where the data set's own test calls the program."""
    assert not judge_check(attack.program, "solve", "", _TEST, sandbox, attack.limits).passed


def test_what_is_right_is_right(sandbox: Sandbox) -> None:
    """The program that every attack ends in passes both ways."""
    assert judge_calls(_RIGHT, "solve", _CASES, sandbox, _LIMITS) == ("passed", 2, 2)
    assert judge_check(_RIGHT, "solve", "", _TEST, sandbox, _LIMITS) == ("passed", 1, 1)
