"""A process that has imported the libraries and forks a worker for each trial.

Importing torch, transformers and peft costs every new interpreter about 4 s of processor time. A process forked from
one that has done so begins at once, and shares nothing with its siblings: what a trial changes, it changes in its own
copy of the memory. Where there is no fork, or where an accelerator's driver might not survive one, workers are started
as new interpreters instead.

On a Unix socket the parent process sends `{"start": N, "arguments": [...], "environment": {...}}` with the worker's
standard input, output and error, or `{"kill": N}`; the server says `{"ready": true}` once and `{"ended": N, "code": C}`
of every worker, with a code as `subprocess` gives it. When either side dies, the other notices: the socket closes.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from paretune.execute import worker
from paretune.execute.launch import FREE_SPACE, Launched, Launcher
from paretune.store import Store
from paretune.store.atomic import refusing

Main = Callable[[Sequence[str]], int]
"""Runs a trial in a worker, from its arguments to its exit code."""
POSSIBLE = hasattr(os, "fork") and hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")
"""Whether this system has what the server needs."""

_LIBRARIES = (
    "paretune.execute.trial", "accelerate", "peft", "safetensors.torch", "transformers.generation",
    "transformers.modeling_layers", "transformers.models.auto.modeling_auto", "torch._dynamo",
)  # fmt: skip
_COMMAND = (sys.executable, "-m", "paretune.execute.fork_server")
_MESSAGE_BYTES = 65536
_NUM_STREAMS = 3
_LOST = -signal.SIGKILL
"""How workers count as having ended whose server died."""


class _Forked:
    """The `Process` of a worker that a fork server started."""

    def __init__(self, server: "ForkServer", number: int) -> None:
        self._server = server
        self._number = number

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._server.codes.get(self._number)

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        self._server.receive(wait=False)
        return self.returncode

    def wait(self) -> int:
        """Wait until it has ended, and return how."""
        while (code := self.returncode) is None:
            self._server.receive(wait=True)
        return code

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self._server.kill(self._number)


class ForkServer:
    """A `Launcher` that forks. Its process ends with the `with` block or with this one, and takes the workers along."""

    def __init__(self, store: Store | None, environment: Mapping[str, str], command: Sequence[str] = _COMMAND) -> None:
        """Start the server's process in this environment, by `command` or another that calls `serve`.

        What it has to say goes into a log of the store, which is removed where it said nothing; without a store, to
        the standard error of this process.
        """
        self._folder = None if store is None else store.folder
        self._environment = dict(environment)
        self._command = command
        self._num_started = 0
        self.codes: dict[int, int] = {}
        """How workers ended, by their numbers."""
        self._begin()

    def _begin(self) -> None:
        self._ready, self._dead = False, False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._log() as log:
            self._process = subprocess.Popen(
                # The folder says on whose behalf the process runs, to whoever lists processes.
                [*self._command, str(theirs.fileno()), str(self._folder or "-")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=self._environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C goes to this process alone
            )

    @property
    def _log_file(self) -> Path | None:
        return None if self._folder is None else self._folder / "logs" / "fork_server.log"

    @contextmanager
    def _log(self) -> Iterator[IO[bytes] | None]:
        """Open the log, if there is one. Raises `InputError` where its disk is full."""
        if self._log_file is None:
            yield None
            return
        with refusing(self._log_file.parents[1], FREE_SPACE):
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
            with self._log_file.open("ab") as log:
                yield log

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        if self._log_file is not None and self._log_file.exists() and not self._log_file.stat().st_size:
            self._log_file.unlink()

    def launch(self, arguments: Sequence[str], log: IO[bytes], environment: Mapping[str, str]) -> Launched:
        """Start a worker, from a new server where the last one has died. Does not wait for it."""
        self.receive(wait=False)
        if self._dead:
            self._end()
            self._begin()
        self._num_started += 1
        child_in, stdin = os.pipe()
        stdout, child_out = os.pipe()
        message = {"start": self._num_started, "arguments": list(arguments), "environment": dict(environment)}
        self.send(message, [child_in, child_out, log.fileno()])
        os.close(child_in)
        os.close(child_out)
        process = _Forked(self, self._num_started)
        return Launched(process, os.fdopen(stdin, "wb", buffering=0), os.fdopen(stdout, "rb"))

    def send(self, message: Mapping[str, Any], streams: Sequence[int] = ()) -> None:
        """Send a message. Where the server has died, its workers have been lost, and nothing is sent."""
        try:
            socket.send_fds(self._socket, [json.dumps(message).encode()], list(streams))
        except (BrokenPipeError, ConnectionResetError):
            self._lose_all()

    def receive(self, *, wait: bool) -> None:
        """Hear which workers have ended, waiting for at least one if told so."""
        while not self._dead and (wait or select.select([self._socket], [], [], 0)[0]):
            wait = False
            try:
                message = self._socket.recv(_MESSAGE_BYTES)
            except ConnectionResetError:
                message = b""
            if not message:
                self._lose_all()
                return
            value = json.loads(message)
            if "ended" in value:
                self.codes[value["ended"]] = value["code"]
            self._ready = True

    def kill(self, number: int) -> None:
        """Kill a worker; all, where none has begun yet."""
        self.receive(wait=False)
        if self._ready:
            self.send({"kill": number})
        else:
            self._process.kill()
            self._lose_all()

    def _end(self) -> None:
        self._socket.close()
        if not self._ready:
            self._process.kill()  # it has no workers, and imports would have to end first
        self._process.wait()

    def _lose_all(self) -> None:
        """Count the workers of a server that died as killed: they end by themselves, as their standard input closes."""
        self._dead = True
        for number in range(1, self._num_started + 1):
            self.codes.setdefault(number, _LOST)


class KeptForkServers:
    """Fork servers that stay from one executor to the next, one for each environment: a `Launching`.

    Where what runs with one ends by an exception, it ends too: an interrupted executor may not know of every worker.
    """

    def __init__(
        self, command: Sequence[str] = _COMMAND, *, most: int | None = None, store: Store | None = None
    ) -> None:  # fmt: skip
        """Start servers by `command`, at most `most` at a time: those that run end before another begins.

        What they have to say goes into a log of `store`, without one to the standard error of this process.
        """
        self._command = command
        self._store = store
        self._most = most
        self._servers: dict[frozenset[tuple[str, str]], ForkServer] = {}

    def __call__(self, _: Store, environment: Mapping[str, str]) -> AbstractContextManager[Launcher]:
        """Return the server of an environment, in a context that it outlives."""
        return self._server(environment)

    @contextmanager
    def _server(self, environment: Mapping[str, str]) -> Iterator[Launcher]:
        key = frozenset(environment.items())
        if key not in self._servers:
            if len(self._servers) == self._most:
                self.close()
            self._servers[key] = ForkServer(self._store, environment, self._command)
        try:
            yield self._servers[key]
        except BaseException:
            with self._servers.pop(key):
                raise

    def close(self) -> None:
        """End the servers."""
        while self._servers:
            with self._servers.popitem()[1]:
                pass


def kept_fork_servers(
    store: Store, environment: Mapping[str, str], command: Sequence[str] = _COMMAND
) -> AbstractContextManager[Launcher]:
    """Return a fork server that this process keeps until it ends, for whoever asks with the same environment."""
    return _kept(tuple(command))(store, environment)


@cache
def _kept(command: tuple[str, ...]) -> KeptForkServers:
    return KeptForkServers(command, most=1)  # one task at a time, on one thread or alone on all


def serve(connection: socket.socket, main: Main) -> None:
    """Fork workers that run `main` as told until the other side goes, then kill those that are left."""
    numbers: dict[int, int] = {}  # of the workers that run, by process
    handles: dict[int, int] = {}  # their processes, by a descriptor that can be read when they end
    try:
        connection.send(json.dumps({"ready": True}).encode())
        while True:
            ready = select.select([connection.fileno(), *handles], [], [])[0]
            for handle in handles.keys() & ready:
                process = handles.pop(handle)
                os.close(handle)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                connection.send(json.dumps({"ended": numbers.pop(process), "code": code}).encode())
            if connection.fileno() in ready:
                message, streams, *_ = socket.recv_fds(connection, _MESSAGE_BYTES, _NUM_STREAMS)
                if not message:
                    return
                value = json.loads(message)
                if "start" in value:
                    process = _fork(value, streams, [connection.fileno(), *handles], main)
                    numbers[process] = value["start"]
                    handles[os.pidfd_open(process)] = process
                else:
                    for process in [one for one, number in numbers.items() if number == value["kill"]]:
                        os.kill(process, signal.SIGKILL)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        for process in numbers:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in numbers:
            os.waitpid(process, 0)


def _fork(message: Mapping[str, Any], streams: Sequence[int], inherited: Sequence[int], main: Main) -> int:
    """Return the process of a worker. In the worker itself this never returns."""
    process = os.fork()
    if process != 0:
        for stream in streams:
            os.close(stream)
        return process
    code = 1
    try:
        os.setsid()
        for descriptor in inherited:
            os.close(descriptor)
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        os.environ.update(message["environment"])
        code = main(message["arguments"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def import_libraries() -> None:
    """Import what every trial needs. What cannot be imported is left to the workers, whose logs then say so."""
    with suppress(Exception):
        for name in _LIBRARIES:
            import_module(name)


if __name__ == "__main__":
    import_libraries()
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        serve(parent, partial(worker.main, None))
