import pytest
import torch

from paretune.measure import Phases
from paretune.spec import Phase


def _end_with_error(phases: Phases, phase: Phase) -> None:
    def work() -> None:
        with phases.during(phase):
            raise MemoryError

    with pytest.raises(MemoryError):
        work()


def test_a_phase_that_comes_twice_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    readings_of_the_clock = iter([0.0, 20.0, 20.0, 21.0, 100.0, 130.0, 130.0, 132.0])
    monkeypatch.setattr("paretune.measure.phases.time.perf_counter", lambda: next(readings_of_the_clock))
    phases = Phases()
    for _ in range(2):
        with phases.during(Phase.LOAD):
            pass
        with phases.during(Phase.TEST):
            pass
    assert phases.seconds(Phase.LOAD) == 50
    assert phases.seconds(Phase.TEST) == 3
    assert phases.seconds(Phase.SAVE) == 0
    readings = phases.readings()
    assert [reading.phase for reading in readings] == [Phase.LOAD, Phase.TEST]
    assert readings[0].seconds == phases.seconds(Phase.LOAD)


def test_whoever_listens_hears_each_phase_begin() -> None:
    heard: list[Phase] = []
    phases = Phases(on_enter=heard.append)
    assert phases.current is None
    with phases.during(Phase.PREPARE):
        assert heard == [Phase.PREPARE]
        assert phases.current is Phase.PREPARE
    assert phases.current is None
    with phases.during(Phase.TRAIN):
        pass
    assert heard == [Phase.PREPARE, Phase.TRAIN]


def test_an_error_leaves_its_phase_and_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    readings_of_the_clock = iter([10.0, 17.0, 20.0, 21.0])
    monkeypatch.setattr("paretune.measure.phases.time.perf_counter", lambda: next(readings_of_the_clock))
    phases = Phases()
    _end_with_error(phases, Phase.TRAIN)
    left: Phase | None = phases.current
    assert left is Phase.TRAIN
    assert phases.seconds(Phase.TRAIN) == 7
    with phases.during(Phase.SAVE):
        now: Phase | None = phases.current
    assert now is Phase.SAVE


def test_a_phase_inside_another_is_refused() -> None:
    phases = Phases()
    refusal = pytest.raises(RuntimeError, match='"validate" begins inside phase "train"')
    with phases.during(Phase.TRAIN), refusal, phases.during(Phase.VALIDATE):
        pass
    assert [reading.phase for reading in phases.readings()] == [Phase.TRAIN]


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without an accelerator")
def test_without_an_accelerator_peaks_come_from_counting_or_are_missing() -> None:
    phases = Phases()
    for phase in (Phase.TRAIN, Phase.TEST):
        with phases.during(phase):
            torch.zeros(10)
    phases.counted(Phase.TRAIN, 123)
    train, test = phases.readings()
    assert phases.accelerator_peak(Phase.TRAIN) is None
    assert (train.peak_bytes, train.reserved_bytes) == (123, None)
    assert (test.peak_bytes, test.reserved_bytes) == (None, None)


def test_an_accelerator_is_waited_for_and_its_highest_peak_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    allocated, reserved = iter([500, 300, 400]), iter([600, 800, 512])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: next(allocated))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _: next(reserved))
    phases = Phases()
    with phases.during(Phase.TRAIN):
        calls.append("work")
    assert calls == ["synchronize", "reset", "work", "synchronize"]
    with phases.during(Phase.TRAIN):
        pass
    _end_with_error(phases, Phase.TEST)
    phases.counted(Phase.TRAIN, 123)
    train, test = phases.readings()
    assert phases.accelerator_peak(Phase.TRAIN) == train.peak_bytes == 500
    assert train.reserved_bytes == 800
    assert (test.peak_bytes, test.reserved_bytes) == (400, 512)
    assert phases.accelerator_peak(Phase.SAVE) is None


def test_answers_are_measured_as_training_is_where_an_allocator_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    allocated = iter([0, 700, 400, 0, 300])  # asked whether there is one, then before, of the run, and at the end
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: next(allocated))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _: 800)
    phases = Phases()
    with phases.during(Phase.MEASURE):
        calls.clear()
        peak = phases.peak_bytes_of(torch.nn.Linear(2, 2), lambda: calls.append("answer"))
        assert calls == ["synchronize", "reset", "answer", "synchronize"]
    assert peak == 400
    assert phases.accelerator_peak(Phase.MEASURE) == 700


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without an accelerator")
def test_answers_are_counted_where_no_allocator_counts() -> None:
    model, inputs, phases = torch.nn.Linear(4, 4, bias=False), torch.ones(2, 4), Phases()
    with phases.during(Phase.MEASURE), torch.no_grad():
        peak = phases.peak_bytes_of(model, lambda: model(inputs))
    assert peak == 4 * (16 + 8 + 8)  # weights, inputs, outputs
