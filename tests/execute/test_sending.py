from collections.abc import Callable

import pytest

from paretune.execute.run import Silent
from paretune.execute.sending import Sending
from paretune.spec import InputError, Record, Trial
from paretune.store.remote import Superseded
from tests.records import make_record


def failing(*errors: InputError | None) -> Callable[[], None]:
    """Return a function that raises each error in turn."""
    left = list(errors)

    def send() -> None:
        error = left.pop(0)
        if error is not None:
            raise error

    return send


def finished(sending: Sending, times: int = 1) -> None:
    record = make_record()
    for _ in range(times):
        sending.finished(record.trial, record, 1.0)


def test_a_failure_is_said_once_and_the_run_goes_on() -> None:
    said: list[str] = []
    down = InputError("s3://b: cannot be reached")
    finished(Sending(Silent(), failing(down, down, None), said.append), times=3)
    assert said == ["s3://b: cannot be reached. The run goes on; its records are sent later."]


def test_a_run_that_was_superseded_ends() -> None:
    with pytest.raises(Superseded, match="another run"):
        finished(Sending(Silent(), failing(Superseded("another run")), print))


def test_the_other_watcher_is_told_before_the_record_is_sent() -> None:
    calls: list[str] = []

    class Watching(Silent):
        def finished(self, trial: Trial, record: Record, seconds: float) -> None:
            calls.append("told")

    finished(Sending(Watching(), lambda: calls.append("sent"), print))
    assert calls == ["told", "sent"]
