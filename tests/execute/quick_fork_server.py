"""A fork server whose workers train nothing: `python -m tests.execute.quick_fork_server TOLD.json SOCKET FOLDER`."""

import socket
import sys
from functools import partial

from paretune.execute.fork_server import serve
from paretune.execute.worker import main
from tests.execute.quick_worker import run

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[2])) as parent:
        serve(parent, partial(main, run))
