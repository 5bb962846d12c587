"""Runs trials as jobs of Slurm, through submitit: several that start together are one array.

The study's folder must be on a file system that the nodes share; trials still run in folders of their own. Partition,
account and GPUs are asked for by the variables that sbatch itself reads, such as SBATCH_PARTITION.
"""

import json
import logging
import math
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from paretune.execute.launch import FREE_SPACE
from paretune.execute.on_node import Assignment, Left, Progress, run_on_node
from paretune.execute.remote import Began, Lost, RemoteExecutor, Task
from paretune.spec import Cancelled, Failed, InputError, OutOfMemory
from paretune.store import Store
from paretune.store.atomic import refusing

JOBS = 64
"""The most trials in the queue at once, where no number of jobs is given."""
_EXTRA_MINUTES = 10
"""Minutes of a job beyond the time limit of its trial, for starting and copying."""
_STOP_SECONDS = 10
_SUBMITTED = "_submitted.pkl"
"""What follows the job's id in the name of the file that submitit writes for it."""


def _run_job(told: Path, assignment: Assignment) -> Left:
    """Run a trial on the node where Slurm calls this, and write its news into a file."""
    node = socket.gethostname()

    def tell(news: Began | Progress) -> None:
        with told.open("a", encoding="utf-8") as file:
            file.write(json.dumps(news) + "\n")

    tell(Began(node))
    return run_on_node(assignment, node, tell)


class SlurmCluster:
    """Slurm as `Cluster` promises. Which of its jobs run at once is decided by its queue."""

    def __init__(self, folder: Path, *, threads: int | None, time_limit_seconds: float, cluster: str) -> None:
        import submitit

        self._submitit = submitit
        self._folder = folder
        self._threads = threads
        self._one_machine = cluster == "local"
        minutes = math.ceil(time_limit_seconds / 60) + _EXTRA_MINUTES
        logging.getLogger("submitit").setLevel(logging.ERROR)  # its warnings would come between the lines of the run
        self._executor = submitit.AutoExecutor(folder, cluster=cluster)
        self._executor.update_parameters(name="paretune", timeout_min=minutes)
        self._jobs: dict[int, Any] = {}
        self._read: dict[int, int] = {}
        """How many bytes of each task's news have been read."""

    def room(self, *, alone: bool) -> int:
        """Return how many trials may be in the queue at once. With `alone`, each asks for a node of its own."""
        return 1 if alone and self._one_machine else JOBS

    def threads(self, *, alone: bool) -> int:  # noqa: ARG002 (clocks compare where all have the same)
        """Return what was asked for, else 1."""
        return self._threads or 1

    def submit(self, tasks: Sequence[Task], *, alone: bool) -> None:
        """Submit the tasks, as an array where there are several. With `alone` each has its node to itself."""
        needs: dict[str, Any] = {"cpus_per_task": tasks[0].assignment.threads, "slurm_exclusive": alone or None}
        if memory := [task.memory_bytes for task in tasks if task.memory_bytes is not None]:
            needs["mem_gb"] = math.ceil(max(memory) / 2**30)
        self._executor.update_parameters(**needs)
        jobs = []
        try:
            with refusing(self._folder, FREE_SPACE), self._executor.batch():
                for number, assignment, _ in tasks:
                    jobs.append(self._executor.submit(_run_job, self._news_file(number), assignment))
        except self._submitit.core.utils.FailedJobError as error:
            raise InputError(f"Slurm does not take the job: {_last_line(error)}") from error
        self._jobs |= {task.number: job for task, job in zip(tasks, jobs, strict=True)}
        self._read |= dict.fromkeys((task.number for task in tasks), 0)

    def news(self, wait_seconds: float) -> Iterator[tuple[int, Began | Progress]]:
        """Yield what tasks wrote into their files."""
        time.sleep(wait_seconds)
        for number in list(self._jobs):
            file = self._news_file(number)
            if not file.exists():
                continue
            with file.open("rb") as stream:
                stream.seek(self._read[number])
                whole, newline, _ = stream.read().rpartition(b"\n")
            self._read[number] += len(whole) + len(newline)
            for line in whole.splitlines():
                value = json.loads(line)
                yield number, Began(*value) if len(value) == 1 else Progress(*value)

    def ended(self, number: int) -> Left | Lost | None:
        """Return what a task left, or what Slurm says became of it."""
        job = self._jobs[number]
        if not job.done():
            return None
        del self._jobs[number]
        try:
            left: Left = job.result()
        except self._submitit.core.utils.FailedJobError as error:
            failed = Failed(error_type="JobFailed", message=_last_line(error), traceback=str(error)[-4000:])
            return Lost(failed, again=False)
        except self._submitit.core.utils.UncompletedJobError:
            return _lost(job.state.partition(" ")[0])
        return left

    def cancel_left_over(self) -> None:
        """Cancel the jobs of a run that was killed before it could do so. What they would leave is not looked at."""
        job_class = self._submitit.LocalJob if self._one_machine else self._submitit.SlurmJob
        for file in self._folder.glob(f"*{_SUBMITTED}"):
            job_class(self._folder, file.name.removesuffix(_SUBMITTED)).cancel(check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Cancel what runs or waits, and wait for it."""
        for job in self._jobs.values():
            job.cancel(check=False)
        give_up = time.monotonic() + _STOP_SECONDS
        while not all(job.done() for job in self._jobs.values()) and time.monotonic() < give_up:
            time.sleep(0.1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _news_file(self, number: int) -> Path:
        return self._folder / f"{number}.news"


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def _lost(state: str) -> Lost:
    """Return what a state of Slurm means for a trial that left nothing."""
    if state == "OUT_OF_MEMORY":
        return Lost(OutOfMemory(message="Slurm stopped the job: out of memory"), again=False)
    if state == "CANCELLED":
        return Lost(Cancelled(reason="the Slurm job was cancelled"), again=False)
    return Lost(Cancelled(reason=f"the node was lost (Slurm says {state})"), again=True)


@contextmanager
def slurm_cluster(
    store: Store, *, threads: int | None, time_limit_seconds: float, cluster: str
) -> Iterator[SlurmCluster]:  # fmt: skip
    """Yield Slurm, or another cluster that submitit knows, such as "local"."""
    check_slurm(cluster)
    found = SlurmCluster(
        store.folder.absolute() / "slurm", threads=threads, time_limit_seconds=time_limit_seconds, cluster=cluster
    )
    found.cancel_left_over()
    try:
        yield found
    finally:
        found.stop()


def check_slurm(cluster: str = "slurm") -> None:
    """Raise `InputError` where Slurm, or what speaks to it, is missing here."""
    try:
        import submitit  # noqa: F401 (only whether it is there)
    except ImportError:
        raise InputError('--executor slurm: submitit is missing; install it: pip install "paretune[slurm]"') from None
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise InputError("--executor slurm: there is no sbatch here; run this on a login node of the cluster")


def slurm_executor(
    store: Store,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    time_limit_seconds: float,
    cluster: str = "slurm",
    **others: Any,
) -> RemoteExecutor:
    """Return an executor that runs trials as jobs of Slurm. `others` are options of `RemoteExecutor`."""
    connect = partial(slurm_cluster, store, threads=threads, time_limit_seconds=time_limit_seconds, cluster=cluster)
    return RemoteExecutor(store, connect, jobs=jobs, time_limit_seconds=time_limit_seconds, **others)
