"""What runs inside the sandbox: a script of its own, which needs nothing but Python and trusts nobody.

It reads one JSON document a line from its standard input and writes one a line to its standard output. The first line
says what to do:

    {"limits": {...}, "user": null, "guarded": false, "program": "def solve(...): ...", "entry": "solve"}
    {"limits": {...}, "user": null, "guarded": false, "setting": "...", "test": "def check(candidate): ...", ...}

With a program, every further line holds the arguments of a call, and the answer holds its result. With a test, every
line that comes out holds the arguments of a call, the next line in is its result, and the last line out says whether
the test passed. So a program never sees a test, and a test runs in another process than the program.
"""

import json
import os
import sys
from typing import Any

# Audit events that a guarded program may not raise: files, processes, signals, sockets, memory of other kinds.
FORBIDDEN = (
    "open", "os.", "shutil.", "socket.", "subprocess.", "ctypes.", "signal.", "pty.", "fcntl.", "mmap.", "syslog.",
    "resource.", "sqlite3.", "winreg.", "_winapi.", "msvcrt.",
)  # fmt: skip
HARMLESS = ("os.listdir", "os.scandir")  # what an import of the standard library does
UNAUDITED = ("_xxsubinterpreters", "_interpreters", "_testcapi")  # modules by which code runs without this hook


def encoded(value: Any) -> Any:
    """Return a value of Python's own types as JSON. Raises `TypeError` for any other, subclasses included."""
    kind = type(value)
    if value is None or kind in {bool, int, float, str}:
        return value
    if kind is list:
        return [encoded(one) for one in value]
    if kind is dict:
        return {"dict": [[encoded(key), encoded(one)] for key, one in value.items()]}
    if kind in {tuple, set, frozenset}:
        return {kind.__name__: [encoded(one) for one in value]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    raise TypeError(f"a {kind.__name__} is no value that can be compared")


def decoded(value: Any) -> Any:
    """Return the value that `encoded` made this JSON of. Raises `ValueError` or `TypeError` for anything else."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "dict":
        return {decoded(key): decoded(one) for key, one in held}
    if kind == "bytes":
        return bytes.fromhex(held)
    if kind == "complex":
        return complex(*held)
    made = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind]
    return made(decoded(one) for one in held)


class Channel:
    """Lines of JSON to and from outside, on descriptors of their own: what a program prints goes nowhere."""

    def __init__(self) -> None:
        self._lines = os.fdopen(os.dup(0), encoding="utf-8", errors="surrogatepass")
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)

    def read(self) -> Any:
        """Return the next document. Raises `EOFError` where there is none."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def write(self, document: Any) -> None:
        """Write a document."""
        self._out.write(json.dumps(document) + "\n")
        self._out.flush()


def restrict(limits: dict[str, int], user: int | None, guarded: bool) -> None:
    """Become `user` and set limits that nothing in this process can lift again.

    With `guarded` Python refuses what reaches outside of the process.
    """
    import random
    import resource

    random.seed(0)
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if not guarded:
        return

    sys.addaudithook(_guard())


def _guard() -> Any:
    """Return the hook. What it needs it holds itself: a program can set any name of this module."""
    forbidden, harmless, unaudited = FORBIDDEN, HARMLESS, UNAUDITED
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    real, refused = os.path.realpath, PermissionError
    folders = tuple(real(folder) + os.sep for folder in (sys.base_prefix, sys.prefix))
    text = str

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import" and arguments[0] in unaudited:
            raise refused(f"not allowed here: import {arguments[0]}")
        if event == "open" and not arguments[2] & writing and real(text(arguments[0])).startswith(folders):
            return  # an import of the standard library
        if event.startswith(forbidden) and event not in harmless:
            raise refused(f"not allowed here: {event}")

    return refuse


def serve(order: dict[str, Any], channel: Channel) -> None:
    """Define the program and answer calls of it until there are no more."""
    space: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(order["program"], "<program>", "exec"), space)
        channel.write({"ready": callable(space.get(order["entry"]))})
    except BaseException as error:  # all that a program may raise, SystemExit as well
        channel.write({"error": type(error).__name__})
        return
    while True:
        try:
            arguments = channel.read()
        except EOFError:
            return
        try:
            channel.write({"value": encoded(space[order["entry"]](*decoded(arguments)))})
        except BaseException as error:
            channel.write({"error": type(error).__name__})


def check(order: dict[str, Any], channel: Channel) -> None:
    """Run the test of a data set, whose calls of the function are answered from outside."""

    def candidate(*arguments: Any) -> Any:
        channel.write({"call": encoded(list(arguments))})
        answer = channel.read()
        if "value" not in answer:
            raise RuntimeError(answer["error"])
        return decoded(answer["value"])

    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(order["setting"], "<setting>", "exec"), space)
    exec(compile(order["test"], "<test>", "exec"), space)
    space[order["entry"]] = candidate
    try:
        space["check"](candidate)
    except BaseException as error:
        channel.write({"passed": False, "error": type(error).__name__})
        return
    channel.write({"passed": True})


def main() -> None:
    """Read the order and follow it."""
    channel = Channel()
    order = channel.read()
    restrict(order["limits"], order["user"], order["guarded"])
    (serve if "program" in order else check)(order, channel)
    os._exit(0)  # what a program left to run at exit does not run


if __name__ == "__main__":
    main()
