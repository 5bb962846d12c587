"""Which executor runs a study, by the name that a person gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from paretune.execute.duration import AtOnce
from paretune.execute.executor import ExecutorFactory
from paretune.spec import InputError
from paretune.spec.errors import nearest

LOCAL = "local"
NAMES = (LOCAL, "ray", "slurm")
AUTO = "auto"
_PROTOCOL = "ray://"


class Chosen(NamedTuple):
    """What runs the trials."""

    at_once: AtOnce
    """How many run at once, as far as that is known."""
    executor: ExecutorFactory | None = None
    """None stands for this machine."""


def jobs_from(text: str | None, executor: str) -> int | None:
    """Return a number of trials from text, None for as many as there is room for.

    Left out, that is 1 on this machine, and all that a cluster has room for. Raises `InputError` for anything else.
    """
    if text is None:
        return 1 if executor == LOCAL else None
    if text == AUTO:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f'--jobs: "{text}" is neither a number of trials from 1 on nor {AUTO}')
    return int(text)


@contextmanager
def chosen_executor(name: str, jobs: int | None, threads: int | None) -> Iterator[Chosen]:
    """Yield what runs trials, `jobs` at once or as many as there is room for. A cluster stays connected meanwhile.

    `name` is "local", "ray", "ray://HOST:PORT" or "slurm". Raises `InputError` for another one, and where the cluster
    cannot be used.
    """
    chosen = planned_executor(name, jobs, threads)
    if _is_ray(name):
        from paretune.execute.ray import connected, ray_cluster

        address = _address(name)
        with connected(address):
            with ray_cluster(address, threads) as cluster:
                room = jobs or cluster.room(alone=False)
                at_once = AtOnce(room, min(room, cluster.room(alone=True)))
            yield chosen._replace(at_once=at_once)
        return
    if name == "slurm":
        from paretune.execute.slurm import check_slurm

        check_slurm()
    yield chosen


def _is_ray(name: str) -> bool:
    return name == "ray" or name.startswith(_PROTOCOL)


def _address(name: str) -> str | None:
    return None if name == "ray" else name


def planned_executor(name: str, jobs: int | None, threads: int | None) -> Chosen:
    """Return what would run trials, for a plan: no cluster is reached. Raises `InputError` for an unknown name."""
    if name == LOCAL:
        return Chosen(on_this_machine(jobs))
    if _is_ray(name):
        from paretune.execute.ray import ray_executor

        executor = partial(ray_executor, address=_address(name), jobs=jobs, threads=threads)
        return Chosen(AtOnce(jobs or 1, 1, is_known=False), executor)
    if name == "slurm":
        from paretune.execute.slurm import JOBS, slurm_executor

        return Chosen(AtOnce(jobs or JOBS, jobs or JOBS), partial(slurm_executor, jobs=jobs, threads=threads))
    known = f"{', '.join(NAMES)} or {_PROTOCOL}HOST:PORT"
    raise InputError(f'--executor: there is no "{name}"{nearest(name, NAMES)}; write {known}')


def on_this_machine(jobs: int | None) -> AtOnce:
    """Return how many trials run at once on this machine; None asks for as many as there is room for.

    Those that find room on an accelerator in use are not counted.
    """
    from paretune.execute.places import Places
    from paretune.models.devices import visible_devices

    places = Places(visible_devices(), jobs)
    return AtOnce(places.num_at_once(alone=False), places.num_at_once(alone=True))
