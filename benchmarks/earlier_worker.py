"""Workers of `benchmarks.study_cost` that answer as workers did: by transformers' `generate`, in fixed batches.

`python -m benchmarks.earlier_worker TRIAL STORE ...` is one worker, with `--serve SOCKET FOLDER` in place of trial and
store it is a fork server of such workers.
"""

import socket
import sys
from functools import partial
from unittest.mock import patch

from paretune.execute import worker
from paretune.execute.fork_server import import_libraries, serve


def _never(model: object) -> bool:  # noqa: ARG001 (in the place of `can_pool`)
    return False


def main() -> int:
    """Be a worker, or serve them. Returns the exit code."""
    serves = sys.argv[1:2] == ["--serve"]
    if serves:
        import_libraries()
    from paretune.engine import generators

    with patch.object(generators, "can_pool", _never):
        if not serves:
            return worker.main()
        with socket.socket(fileno=int(sys.argv[2])) as parent:
            serve(parent, partial(worker.main, None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
