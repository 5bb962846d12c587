"""Verdicts on programs: what each test of a problem says of a program that a model wrote."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from paretune.tasks.code.inside import decoded, encoded
from paretune.tasks.code.sandbox import USUAL_LIMITS, Limits, Sandbox

Reason = Literal["passed", "wrong", "error", "not Python", "no function", "too long", "stopped"]
_PIECE = 65536
_PIPE_ATOM = select.PIPE_BUF
"""Bytes that a pipe takes at once whenever it is ready for any."""
_OUT_OF_TIME = {-signal.SIGKILL, -signal.SIGXCPU, 128 + signal.SIGKILL, 128 + signal.SIGXCPU}
"""Exit codes of a process that was killed for its time, by itself and as bubblewrap passes them on."""


class Verdict(NamedTuple):
    """What became of a program."""

    reason: Reason
    """ "too long": it used up its time; "stopped": it ended by itself, or by a limit on memory or size."""
    num_passed: int
    num_tests: int

    @property
    def passed(self) -> bool:
        """Whether it passed every test."""
        return self.reason == "passed"


class Case(NamedTuple):
    """One call, and what it must return."""

    arguments: tuple[Any, ...]
    result: Any


def judge_calls(
    program: str, entry: str, cases: Sequence[Case], sandbox: Sandbox, limits: Limits = USUAL_LIMITS
) -> Verdict:
    """Return whether the function `entry` of a program returns what each case says, of the same type.

    What is expected stays outside of the sandbox. After a call that does not come back, no further one is made.
    """
    passed, first = 0, None
    with _Inside(sandbox, limits, {"program": program, "entry": entry}) as candidate:
        if (reason := candidate.ready()) is not None:
            return Verdict(reason, 0, len(cases))
        for case in cases:
            answer = candidate.ask(encoded(list(case.arguments)))
            if "value" in answer and _same(answer["value"], case.result):
                passed += 1
                continue
            first = first or _reason(answer)
            if "ended" in answer:
                break
    return Verdict(first or "passed", passed, len(cases))


def judge_check(  # noqa: PLR0917
    program: str, entry: str, setting: str, test: str, sandbox: Sandbox, limits: Limits = USUAL_LIMITS
) -> Verdict:
    """Return whether a program passes a test that is code: a function `check(candidate)` that raises where it does not.

    The test runs in a sandbox of its own after `setting`, and its calls are passed on to the program in another one,
    so that no program can see or change the test.
    """
    with (
        _Inside(sandbox, limits, {"program": program, "entry": entry}) as candidate,
        _Inside(sandbox, limits, {"setting": setting, "test": test, "entry": entry}) as check,
    ):
        if (reason := candidate.ready()) is not None:
            return Verdict(reason, 0, 1)
        first: Reason | None = None
        said = check.read()
        while "call" in said:
            answer = candidate.ask(said["call"])
            if "value" not in answer:
                first = first or _reason(answer)
            said = check.ask(answer if "value" in answer else {"error": "the program did not return"})
        if said.get("passed") is True:
            return Verdict("passed", 1, 1)
        return Verdict(first or ("too long" if said.get("ended") == "too long" else "wrong"), 0, 1)


class _Inside:
    """A process in the sandbox, and the lines that go to it and come from it. What comes is not trusted."""

    def __init__(self, sandbox: Sandbox, limits: Limits, order: dict[str, Any]) -> None:
        self._limits = limits
        self._until = time.monotonic() + limits.clock_seconds
        self._held = b""
        self._process = sandbox.start()
        self._send({**sandbox.restrictions(limits), **order})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End it: the sandbox and everything in it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # what was not read by a process that has ended
                pipe.close()
        self._process.wait()

    def ready(self) -> Reason | None:
        """Return why the program cannot be called, None where it can."""
        said = self.read()
        if said.get("ready") is True:
            return None
        if "ready" in said:
            return "no function"
        return "not Python" if said.get("error") in {"SyntaxError", "IndentationError", "TabError"} else _reason(said)

    def ask(self, document: Any) -> dict[str, Any]:
        """Send a document and return the answer."""
        self._send(document)
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the next document that comes, or under "ended" why none does."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._held:
            left = self._until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return {"ended": "too long"}
            piece = os.read(descriptor, _PIECE)
            self._held += piece
            if not piece:
                return {"ended": self._why_ended()}
            if len(self._held) > self._limits.answer_bytes:
                return {"ended": "stopped"}
        line, _, self._held = self._held.partition(b"\n")
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return {"ended": "stopped"}
        return said if isinstance(said, dict) else {"ended": "stopped"}

    def _send(self, document: Any) -> None:
        """Send a document, unless the process ends or does not read it in time: reading the answer says so."""
        assert self._process.stdin is not None
        descriptor, left = self._process.stdin.fileno(), json.dumps(document).encode() + b"\n"
        while left and select.select([], [descriptor], [], max(0.0, self._until - time.monotonic()))[1]:
            try:
                left = left[os.write(descriptor, left[:_PIPE_ATOM]) :]
            except BrokenPipeError:
                return

    def _why_ended(self) -> Reason:
        try:
            code = self._process.wait(max(0.1, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "too long"
        return "too long" if code in _OUT_OF_TIME else "stopped"


def _same(value: Any, expected: Any) -> bool:
    """Tell whether a result, as JSON, is the one that is expected."""
    try:
        return _alike(decoded(value), expected)
    except (ValueError, TypeError, KeyError, RecursionError):  # it is made by a program that may say anything
        return False


def _alike(one: Any, other: Any) -> bool:
    """Tell whether two values are equal and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _reason(answer: dict[str, Any]) -> Reason:
    if "value" in answer:
        return "wrong"
    if "error" in answer:
        return "error"
    return "too long" if answer.get("ended") == "too long" else "stopped"
