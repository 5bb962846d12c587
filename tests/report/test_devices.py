from paretune.report.devices import devices_text
from tests.records import PROVENANCE, make_record

CPU = PROVENANCE.model_copy(update={"device": "a CPU", "num_threads": 2})
ALONE = CPU.model_copy(update={"num_threads": 1})


def test_one_device_is_named_once() -> None:
    assert devices_text([make_record(provenance=CPU), make_record("dora", provenance=CPU)]) == "a CPU, 2 threads"
    assert devices_text([make_record(provenance=ALONE)]) == "a CPU, 1 thread"
    assert devices_text([make_record(provenance=None)]) == ""


def test_of_several_devices_it_says_which_trials_had_each() -> None:
    tuning = make_record(provenance=ALONE, split="validation", learning_rate=1.0)
    records = [make_record(provenance=CPU), make_record("dora", provenance=CPU), make_record(provenance=ALONE, seed=1)]
    assert devices_text([*records, tuning, tuning]) == (
        "a CPU, 2 threads: final trials of lora, dora; a CPU, 1 thread: final trials of lora and 2 tuning trials"
    )
