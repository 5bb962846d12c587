"""What is called right, what a verdict says, and which machines have no sandbox."""

import shutil
import subprocess
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks.code import Limits, find_sandbox, judge_calls
from paretune.tasks.code.inside import decoded, encoded
from paretune.tasks.code.judge import Case
from paretune.tasks.code.metrics import estimated_pass_at
from tests.tasks.code.sandboxes import needs_sandbox

VALUES = [None, True, 0, -1.5, float("inf"), "ä\ud800", [1, [2]], (1, "a"), {"a": 1, 2: (3,)}, {1, 2}, frozenset({3}),
          b"\x00\xff", 1j, [], (), {}, set(), 10**30]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_went(value: Any) -> None:
    back = decoded(encoded(value))
    assert back == value
    assert type(back) is type(value)


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("def solve(x):\n    return x", ("passed", 2, 2)),
        ("def solve(x):\n    return 1", ("wrong", 1, 2)),
        ("def solve(x):\n    return x * 1.0", ("wrong", 0, 2)),
        ("def solve(x):\n    return x if x == 1 else 1 / 0", ("error", 1, 2)),
        ("def solve(x):\n    print('hello', flush=True)\n    return x", ("passed", 2, 2)),
        ("def other(x):\n    return x", ("no function", 0, 2)),
        ("solve = 3", ("no function", 0, 2)),
        ("def solve(x:", ("not Python", 0, 2)),
        ("1 / 0", ("error", 0, 2)),
        ("import os\nos._exit(3)", ("stopped", 0, 2)),
        ("while True: pass", ("too long", 0, 2)),
        (
            "import re, json, math, collections, typing, hashlib\ndef solve(x):\n    return x",
            ("passed", 2, 2),
        ),
    ],
)
def test_verdicts(program: str, verdict: tuple[str, int, int]) -> None:
    cases = [Case((1,), 1), Case((2,), 2)]
    assert judge_calls(program, "solve", cases, find_sandbox(), Limits(processor_seconds=1)) == verdict


@needs_sandbox
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_result_of_any_type_is_compared_with_its_type(value: Any) -> None:
    same = judge_calls("def solve(x):\n    return x", "solve", [Case((value,), value)], find_sandbox())
    assert same.passed
    other = judge_calls("def solve(x):\n    return [x]", "solve", [Case((value,), value)], find_sandbox())
    assert other.reason == "wrong"


def test_pass_at_k_is_the_published_estimate() -> None:
    """Against the product form that the paper's own code uses, and at the ends."""
    for n, c, k in [(10, 3, 1), (10, 3, 5), (200, 20, 100), (5, 5, 5), (5, 0, 3)]:
        product = 1.0
        for i in range(n - c + 1, n + 1):
            product *= 1.0 - k / i
        assert estimated_pass_at(k, n, c) == pytest.approx(1.0 if n - c < k else 1.0 - product)
    with pytest.raises(ValueError, match="needs at least 3 samples"):
        estimated_pass_at(3, 2, 1)


def test_without_bubblewrap_it_is_named_and_so_is_the_way_without(monkeypatch: pytest.MonkeyPatch) -> None:
    find_sandbox.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r'apt install bubblewrap.*sandbox = "limits"'):
        find_sandbox()


def test_a_sandbox_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    find_sandbox.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/false")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: subprocess.CompletedProcess(args, 0, "x 1", ""))
    with pytest.raises(InputError, match=r"bubblewrap does not run here \(exit code 1\)"):
        find_sandbox()
    find_sandbox.cache_clear()


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    find_sandbox.cache_clear()
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(InputError, match="on Linux only, and this is darwin"):
        find_sandbox()
