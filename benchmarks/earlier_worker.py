"""Workers of `benchmarks.study_cost` that do without a part of what saves time.

`python -m benchmarks.earlier_worker WITHOUT TRIAL STORE ...` is one worker, with `--serve SOCKET FOLDER` in place of
trial and store it is a fork server of such workers. WITHOUT is

- `pool`: answers come from transformers' `generate`, in fixed batches;
- `taking-over`: every trial runs all its steps itself, and counts the memory of answering itself.
"""

import socket
import sys
from contextlib import ExitStack
from functools import partial
from unittest.mock import patch

from paretune.execute import worker
from paretune.execute.fork_server import import_libraries, serve

POOL, TAKING_OVER = "pool", "taking-over"


def _never(model: object) -> bool:  # noqa: ARG001 (in the place of `can_pool`)
    return False


def main() -> int:
    """Be a worker, or serve them. Returns the exit code."""
    without = sys.argv.pop(1)
    serves = sys.argv[1:2] == ["--serve"]
    if serves:
        import_libraries()
    with ExitStack() as patched:
        if without == POOL:
            from paretune.engine import generators

            patched.enter_context(patch.object(generators, "can_pool", _never))
        else:
            from paretune.execute import resuming
            from paretune.kinds import answer_memory

            anew = resuming.FromTheStart()
            patched.enter_context(patch.object(resuming, "StoredTrainings", lambda *_: anew))
            patched.enter_context(patch.object(answer_memory, "is_ours", lambda _: False))
        if not serves:
            return worker.main()
        with socket.socket(fileno=int(sys.argv[2])) as parent:
            serve(parent, partial(worker.main, None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
