"""Sends each record to where the results belong as soon as it is finished."""

from collections.abc import Callable

from paretune.execute.events import Watcher
from paretune.spec import InputError, Phase, Record, Trial
from paretune.store.remote import Superseded


class Sending:
    """A watcher that sends what has been finished, and calls another one for everything."""

    def __init__(self, watcher: Watcher, send: Callable[[], None], say: Callable[[str], None]) -> None:
        """`say` is called, once, when sending does not succeed: the run goes on, and the next record tries again."""
        self._watcher = watcher
        self._send = send
        self._say = say
        self._said = False

    def started(self, trial: Trial) -> None:
        """Tell the other."""
        self._watcher.started(trial)

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """Tell the other."""
        self._watcher.heard(trial, phase, done, total)

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Tell the other and send the record. Raises `Superseded` when another run has taken over."""
        self._watcher.finished(trial, record, seconds)
        try:
            self._send()
        except Superseded:
            raise
        except InputError as error:
            if not self._said:
                self._said = True
                self._say(f"{error}. The run goes on; its records are sent later.")
