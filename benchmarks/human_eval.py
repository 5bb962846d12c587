"""Verdicts on HumanEval: its reference solutions, and mutants of them in which one token is another.

    python -m benchmarks.human_eval [--mutants 2] [--repeats 3] [--file PROBLEMS.jsonl.gz]

Every reference solution should pass. A mutant differs in one token that means something (an operator, a comparison, a
number, True or False, and or or, not), and most should fail: those that pass are equivalent, or differ where the test
does not look. Each program is judged several times, and its verdicts should be the same. Nothing asks a model.
"""

import argparse
import io
import os
import random
import time
import tokenize
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from paretune.tasks import Example, get_task
from paretune.tasks.code import USUAL_LIMITS, Verdict, find_sandbox
from paretune.tasks.human_eval import HumanEval

_OTHERS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "/", "%": "//", "**": "*", "+=": "-=", "-=": "+=", "*=": "+=",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "and": "or", "or": "and", "not": "",
    "True": "False", "False": "True", "min": "max", "max": "min", "any": "all", "all": "any", "break": "pass",
    "continue": "pass", "append": "remove",
}  # fmt: skip


class Program(NamedTuple):
    """A body to judge, and the problem it belongs to."""

    example: Example
    body: str


def main() -> None:
    """Print how many reference solutions and mutants pass, and whether verdicts repeat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2, help="mutants of each solution, at most")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--file", help="problems in HumanEval's form (default: those of the package human-eval)")
    arguments = parser.parse_args()
    task = get_task("human_eval", {"problems": arguments.file})
    assert isinstance(task, HumanEval)
    examples = task.examples("test")
    print(f"{len(examples)} problems, {find_sandbox().words}")
    draw = random.Random(0)
    solutions = [Program(one, one.completion) for one in examples]
    mutants = [Program(one, body) for one in examples for body in mutated(one, draw)[: arguments.mutants]]
    for name, programs in (("reference solutions", solutions), ("mutants", mutants)):
        began = time.perf_counter()
        rounds = [judged(task, programs) for _ in range(arguments.repeats)]
        took = (time.perf_counter() - began) / arguments.repeats / len(programs)
        reasons = Counter(one.reason for one in rounds[0])
        same = sum(len(set(several)) == 1 for several in zip(*rounds, strict=True))
        print(
            f"{name}: {reasons['passed']} of {len(programs)} pass ({reasons['passed'] / len(programs):.1%}); "
            f"{', '.join(f'{count} {reason}' for reason, count in reasons.most_common())}; "
            f"{same} with the same verdict {arguments.repeats} times; {took:.2f} s each"
        )


def judged(task: HumanEval, programs: list[Program]) -> list[Verdict]:
    """Return the verdict on each program, each run anew."""
    sandbox = find_sandbox()

    def verdict(one: Program) -> Verdict:
        return task.judge(one.example.prompt + one.body, one.example, sandbox, USUAL_LIMITS)

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        return list(workers.map(verdict, programs))


def mutated(example: Example, draw: random.Random) -> list[str]:
    """Return bodies in which one token is another, in a drawn order."""
    whole = example.prompt + example.completion
    lines = whole.splitlines(keepends=True)
    first = example.prompt.count("\n")
    found = []
    for token in tokenize.generate_tokens(io.StringIO(whole).readline):
        other = _other(token)
        if other is None or token.start[0] <= first:
            continue
        changed = list(lines)
        line = changed[token.start[0] - 1]
        changed[token.start[0] - 1] = line[: token.start[1]] + other + line[token.end[1] :]
        found.append("".join(changed)[len(example.prompt) :])
    draw.shuffle(found)
    return found


def _other(token: Any) -> str | None:
    if token.type == tokenize.NUMBER and token.string.isdigit():
        return str(int(token.string) + 1)
    return _OTHERS.get(token.string) if token.type in {tokenize.OP, tokenize.NAME} else None


if __name__ == "__main__":
    main()
