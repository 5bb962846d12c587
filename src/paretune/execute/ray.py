"""Runs trials on a Ray cluster, or on this machine through Ray: one Ray task a trial. Ray is imported when it is used.

Ray places the tasks. The process that Ray keeps for tasks keeps a fork server for their trials, so that only its first
trial waits for the libraries. When the run ends, tasks are cancelled, which stops the processes of their trials.
"""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from paretune.execute.cluster_versions import check_versions, version_probe
from paretune.execute.fork_server import POSSIBLE, kept_fork_servers
from paretune.execute.on_node import Assignment, Left, Progress, run_on_node
from paretune.execute.remote import Began, Lost, RemoteExecutor, Task
from paretune.spec import Cancelled, Failed, InputError, OutOfMemory, one_line
from paretune.store import Store

PROTOCOL = "ray://"
_CLIENT_PORT = 10001
_REACH_SECONDS, _PROBE_SECONDS, _STOP_SECONDS = 10, 120, 4
_HEAD = {"node:__internal_head__": 0.001}
"""A resource that the head node has and no other: without that node there is no cluster."""

News = list[tuple[int, Began | Progress]]


class _Mailbox:
    """Keeps what tasks report until the driver takes it: an actor on the head node."""

    def __init__(self) -> None:
        self._news: News = []

    def put(self, number: int, news: Began | Progress) -> None:
        """Keep news of a task."""
        self._news.append((number, news))

    def take(self) -> News:
        """Return the news since the last call."""
        news, self._news = self._news, []
        return news


def _run_task(mailbox: Any, number: int, assignment: Assignment) -> Left:
    """Run a trial on the node where Ray calls this."""
    import ray

    context: Any = ray.get_runtime_context()
    node = _name(socket.gethostname(), context.get_node_id())
    ray.get(mailbox.put.remote(number, Began(node)))
    if assignment.launching is None and POSSIBLE and not ray.get_gpu_ids():  # a GPU's driver might not survive a fork
        assignment = assignment._replace(launching=kept_fork_servers)
    return run_on_node(assignment, node, partial(mailbox.put.remote, number))


def _name(host: str, node_id: str) -> str:
    """Return what people call a node: several may be on one machine."""
    return f"{host} ({node_id[:8]})"


class _Node(NamedTuple):
    id: str
    name: str
    num_cpus: int
    num_gpus: int
    memory_bytes: int


class RayCluster:
    """The cluster that this process is connected to, as `Cluster` promises."""

    def __init__(self, ray: Any, threads: int | None) -> None:
        self._ray = ray
        self._threads = threads
        self._refs: dict[int, Any] = {}
        self._ready: set[Any] = set()
        self._places: dict[int, str] = {}
        """The node of each task that has one to itself."""
        self._task = ray.remote(max_retries=0)(_run_task)  # a lost task is the driver's to run again: it notes that

    def room(self, *, alone: bool) -> int:
        """Return how many trials the nodes can run at once, by their processors and GPUs."""
        nodes, threads = self._workers(), self.threads(alone=False)
        if alone:
            return max(1, len(nodes))
        slots = [min(node.num_cpus // threads, node.num_gpus or node.num_cpus) for node in nodes]
        return max(1, sum(slots))  # at least one, so that a cluster that grows when tasks wait does so

    def threads(self, *, alone: bool) -> int:
        """Return what was asked for; else 1, next to a GPU its share of the processor, and alone the whole processor.

        All trials get the same number: that of the smallest node.
        """
        nodes = self._workers()
        if self._threads is not None or not nodes:
            return self._threads or 1
        if alone:
            return min(node.num_cpus for node in nodes)
        return max(1, min(node.num_cpus // node.num_gpus if node.num_gpus else 1 for node in nodes))

    @cached_property
    def _mailbox(self) -> Any:
        """An actor of this object alone: it ends with the last reference to it, and no name outlives that."""
        return self._ray.remote(num_cpus=0, resources=_HEAD)(_Mailbox).remote()

    def submit(self, tasks: Sequence[Task], *, alone: bool) -> None:
        """Give Ray the tasks with what they need."""
        nodes = self._workers()
        for number, assignment, memory_bytes in tasks:
            needs: dict[str, Any] = {"num_cpus": assignment.threads, "scheduling_strategy": "SPREAD"}
            if any(node.num_gpus for node in nodes):
                needs["num_gpus"] = 1
            if memory_bytes is not None and nodes:
                needs["memory"] = min(memory_bytes, max(node.memory_bytes for node in nodes))
            free = [node for node in nodes if node.id not in self._places.values()]
            if alone and free:
                self._places[number] = free[0].id
                needs |= {"num_cpus": free[0].num_cpus, "scheduling_strategy": self._only_on(free[0].id)}
            self._refs[number] = self._task.options(**needs).remote(self._mailbox, number, assignment)

    def news(self, wait_seconds: float) -> News:
        """Return what tasks told."""
        refs = list(self._refs.values())
        self._ray.wait(refs, timeout=wait_seconds, fetch_local=False)
        self._ready = set(self._ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)[0])
        news: News = self._ray.get(self._mailbox.take.remote())
        return news

    def ended(self, number: int) -> Left | Lost | None:
        """Return what a task left, or what Ray says became of it."""
        if self._refs[number] not in self._ready:
            return None
        ref = self._refs.pop(number)
        self._places.pop(number, None)
        try:
            left: Left = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return self._lost(error)
        return left

    def check_versions(self) -> None:
        """Raise `InputError` where a node has other versions than this process, or does not answer.

        A node that is lost meanwhile is left out: nothing runs there.
        """
        errors = self._ray.exceptions
        probe = self._ray.remote(num_cpus=0, max_retries=0)(version_probe())
        options = {node.name: probe.options(scheduling_strategy=self._only_on(node.id)) for node in self._nodes()}
        for name, answer in {name: option.remote() for name, option in options.items()}.items():
            try:
                found = self._ray.get(answer, timeout=_PROBE_SECONDS)
            except errors.GetTimeoutError:
                raise InputError(f"node {name} does not answer within {_PROBE_SECONDS} seconds") from None
            except errors.RayTaskError:
                raise
            except errors.RayError:
                continue
            check_versions(found, name)

    def stop(self) -> None:
        """Cancel what runs or waits. Within seconds, no process of a trial is left."""
        refs = list(self._refs.values())
        with suppress(self._ray.exceptions.RayError):  # a node that is gone has stopped too
            for force in (False, True):
                for ref in refs:
                    self._ray.cancel(ref, force=force)
                if refs:
                    _, refs = self._ray.wait(refs, num_returns=len(refs), timeout=_STOP_SECONDS, fetch_local=False)

    def _lost(self, error: Exception) -> Lost:
        """Return what an error of Ray's means for a trial. What the trial does wrong is in its record instead."""
        kinds, message = self._ray.exceptions, one_line(error)
        if isinstance(error, kinds.OutOfMemoryError):
            return Lost(OutOfMemory(message=message), again=False)
        if isinstance(error, kinds.OutOfDiskError):
            return Lost(Cancelled(reason=message, disk_full=True), again=False)
        if isinstance(error, kinds.TaskCancelledError):
            return Lost(Cancelled(reason="the Ray task was cancelled"), again=False)
        if isinstance(error, kinds.RayTaskError):
            cause = type(error.cause).__name__ if error.cause is not None else "RayTaskError"
            last = str(error).strip().splitlines()[-1]
            return Lost(Failed(error_type=cause, message=last, traceback=str(error)[-4000:]), again=False)
        return Lost(Cancelled(reason=f"the node was lost ({type(error).__name__}: {message[:200]})"), again=True)

    def _only_on(self, node_id: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node_id, soft=False)

    def _nodes(self) -> list[_Node]:
        found = []
        for node in self._ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                numbers = (int(has.get(name, 0)) for name in ("CPU", "GPU", "memory"))
                found.append(_Node(node["NodeID"], _name(node["NodeManagerHostname"], node["NodeID"]), *numbers))
        return found

    def _workers(self) -> list[_Node]:
        """Return the nodes that trials run on: those with GPUs where there are any, else those with processors."""
        nodes = [node for node in self._nodes() if node.num_cpus]
        return [node for node in nodes if node.num_gpus] or nodes


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, unless this process is connected, and yield the module `ray`.

    Without an address Ray finds the cluster: the one that RAY_ADDRESS names, one that runs on this machine, or a new
    one of this machine alone, which ends with the context. Raises `InputError` where Ray or its cluster is missing.
    """
    try:
        import ray
    except ImportError:
        raise InputError('--executor ray: Ray is missing; install it: pip install "paretune[ray]"') from None
    if ray.is_initialized():
        yield ray
        return
    where = address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {} if where and PROTOCOL in where else {"include_dashboard": False}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # of a cluster that starts here: trials are no background work
    if where:
        where = _reachable(where)
    try:
        ray.init(where, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ImportError, RuntimeError, ValueError) as error:
        raise InputError(f"Ray at {where or 'this machine'}: {one_line(error)}") from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise InputError(f"Ray: {one_line(error)}; see that the cluster runs, then re-run the command") from error
    finally:
        ray.shutdown()


@contextmanager
def ray_cluster(address: str | None = None, threads: int | None = None) -> Iterator[RayCluster]:
    """Yield a cluster whose nodes have the versions of this process. Raises `InputError` as `connected` does."""
    with connected(address) as ray:
        cluster = RayCluster(ray, threads)
        try:
            cluster.check_versions()
            yield cluster
        finally:
            cluster.stop()


def ray_executor(
    store: Store,
    *,
    address: str | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    time_limit_seconds: float,
    **others: Any,
) -> RemoteExecutor:
    """Return an executor that runs trials on a Ray cluster. `others` are options of `RemoteExecutor`."""
    connect = partial(ray_cluster, address, threads)
    return RemoteExecutor(store, connect, jobs=jobs, time_limit_seconds=time_limit_seconds, **others)


def _reachable(address: str) -> str:
    """Return an address with its port, once something answers there. Raises `InputError` where nothing does."""
    if address in {"auto", "local"}:
        return address
    mend = f"write {PROTOCOL}HOST:{_CLIENT_PORT}, and see that the cluster runs and its port is open"
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port or _CLIENT_PORT
    except ValueError as error:
        raise InputError(f"Ray at {address}: {error}; {mend}") from None
    if not host:
        raise InputError(f"Ray at {address}: no host; {mend}")
    try:
        socket.create_connection((host, port), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise InputError(f"Ray at {address}: cannot be reached ({error.strerror or error}); {mend}") from None
    return f"{PROTOCOL}{host}:{port}" if address.startswith(PROTOCOL) else address
