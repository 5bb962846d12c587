"""Where programs run that a model wrote: apart from this machine's files, network, processes and memory."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from paretune.spec import InputError
from paretune.tasks.code import inside

SandboxName = Literal["bubblewrap", "limits"]
_NOBODY = 65534
"""The user that owns nothing, by the number that Linux gives it."""
_FOLDER_BYTES = 16 * 2**20
_MOST_FILES = 32
_WAIT_SECONDS = 30.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
_PYTHON_OPTIONS = ("-S", "-s", "-P", "-B")
"""No site packages, no folder of a user, nothing imported from the folder it runs in, no byte code written."""


class Limits(NamedTuple):
    """What one program may use. It may start no further process and no thread."""

    processor_seconds: int = 3
    """Of the processor, for all calls together: a busy machine makes no difference."""
    clock_seconds: float = 60.0
    """Of the clock, for a program that waits instead of computing."""
    memory_bytes: int = 512 * 2**20
    """Of address space."""
    file_bytes: int = 2**20
    """The largest file in its own folder."""
    answer_bytes: int = 2**20
    """The largest result of one call."""


USUAL_LIMITS = Limits()


class Sandbox(NamedTuple):
    """A way to run programs, as it is on this machine."""

    name: SandboxName
    version: str
    command: tuple[str, ...]
    """What a program's own command is put behind."""
    user: int | None
    """The user that it becomes before it runs anything; None for the one who called. Limits do not bind root."""
    guarded: bool
    """Whether Python itself refuses what reaches outside of the program, since nothing else does."""

    @property
    def words(self) -> str:
        """What it is, as a note says it."""
        if self.name == "bubblewrap":
            return f"bubblewrap {self.version}: no network, no files but those of Python, one process"
        return "limits of the operating system and Python's audit hooks, without a sandbox"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the script of `inside` in it, with pipes to its standard input and output."""
        python = [str(_python()), *_PYTHON_OPTIONS, "-c", _script()]
        return subprocess.Popen(
            [*self.command, *python],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )

    def restrictions(self, limits: Limits) -> dict[str, Any]:
        """Return what the script of `inside` does before it runs anything: the first part of its first line."""
        by_name = {
            "RLIMIT_CPU": limits.processor_seconds,
            "RLIMIT_AS": limits.memory_bytes,
            "RLIMIT_FSIZE": 0 if self.guarded else limits.file_bytes,
            "RLIMIT_NOFILE": _MOST_FILES,
            "RLIMIT_NPROC": 0,
            "RLIMIT_CORE": 0,
        }
        return {"limits": by_name, "user": self.user, "guarded": self.guarded}


_MEND = "run it as another user than root, or with a Python that every user can read: root becomes nobody first"


@cache
def find_sandbox(name: SandboxName = "bubblewrap") -> Sandbox:
    """Return the sandbox of this name. Raises `InputError`, one line, where this machine cannot run it."""
    if not sys.platform.startswith("linux"):
        raise InputError(f"sandbox: programs of a model are run on Linux only, and this is {sys.platform}")
    user = _NOBODY if os.geteuid() == 0 else None
    if name == "limits":
        return _tried(Sandbox("limits", "", (), user, guarded=True), _MEND)
    binary = shutil.which("bwrap")
    if binary is None:
        raise InputError(
            "sandbox: programs that a model writes run in bubblewrap, which is not installed; install it with your "
            'system\'s packages ("apt install bubblewrap"), or accept weaker limits by name: sandbox = "limits"'
        )
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout.split()
    found = Sandbox("bubblewrap", said[-1] if said else "of unknown version", _apart(binary, user), user, guarded=False)
    return _tried(found, 'allow unprivileged user namespaces, or accept weaker limits by name: sandbox = "limits"')


def _tried(sandbox: Sandbox, mend: str) -> Sandbox:
    """Return the sandbox if a program runs in it, with a module of Python's. Raises `InputError` otherwise."""
    order = {**sandbox.restrictions(USUAL_LIMITS), "program": "import colorsys as module", "entry": "module"}
    with sandbox.start() as process:
        try:
            said, _ = process.communicate(json.dumps(order).encode() + b"\n", _WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            said = b""
    if b"ready" not in said:
        raise InputError(f"sandbox: {sandbox.name} does not run here (exit code {process.returncode}); {mend}")
    return sandbox


def _apart(binary: str, user: int | None) -> tuple[str, ...]:
    """Return the command before that of a program: it sees Python, a small folder of its own, and nothing else."""
    python = Path(sys.base_prefix).resolve()
    seen = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", str(python)]
    above = [str(folder) for folder in reversed(python.parents[:-1])]
    unshared = ["--unshare-user"] if user is None else []  # who is root becomes another user instead
    becoming = [] if user is None else ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return (
        *(binary, *unshared, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"),
        *("--cap-drop", "ALL", *becoming),
        *(word for path in above for word in ("--perms", "0755", "--dir", path)),
        *(word for path in dict.fromkeys(seen) for word in ("--ro-bind-try", path, path)),
        *("--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"),
        *("--perms", "1777", "--size", str(_FOLDER_BYTES), "--tmpfs", "/work", "--remount-ro", "/", "--chdir", "/work"),
    )


def _python() -> Path:
    """Return this interpreter without its virtual environment."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


@cache
def _script() -> str:
    return Path(inside.__file__).read_text(encoding="utf-8")
