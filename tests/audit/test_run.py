"""Many methods at once: nothing is lost, and the order is the caller's."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from paretune.audit import audit_methods, everything, run
from paretune.methods.registry import peft_types
from paretune.spec import Audit, InputError, MethodAudit, MethodEntry


class Here:
    """A pool that works in this process, one call after another, and breaks at the methods named."""

    def __init__(self, deadly: set[str]) -> None:
        self._deadly = deadly
        self._broken = False

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, work: Any, case: run.Case) -> "Future[MethodAudit]":
        future: Future[MethodAudit] = Future()
        self._broken |= case.spec.name in self._deadly
        if self._broken:
            future.set_exception(BrokenProcessPool("gone"))
        else:
            future.set_result(MethodAudit(method=case.spec, findings=(), tied_embeddings=case.tied))
        return future

    def shutdown(self, **options: bool) -> None:
        pass


def audited(monkeypatch: pytest.MonkeyPatch, deadly: set[str]) -> tuple[Audit, list[tuple[str, int, int]]]:
    monkeypatch.setattr(run, "_pool", lambda jobs: Here(deadly))
    heard: list[tuple[str, int, int]] = []
    audit = audit_methods(
        ["lora", "oft", "ia3", "vera"],
        jobs=2,
        on_method=lambda method, done, total: heard.append((method.method.name, done, total)),
    )
    return audit, heard


def test_all_are_audited_in_the_order_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    audit, heard = audited(monkeypatch, set())
    assert [method.method.name for method in audit.methods] == ["lora", "oft", "ia3", "vera"]
    assert sorted(name for name, _, _ in heard) == ["ia3", "lora", "oft", "vera"]
    assert [done for _, done, _ in heard] == [1, 2, 3, 4]
    assert {"peft", "torch", "transformers"} <= audit.packages.keys()
    assert audit.base_models.keys() == {"causal-lm", "classifier", "diffusion", "image-text"}


def test_a_method_that_takes_its_process_down_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audit, heard = audited(monkeypatch, {"oft"})
    found = {method.method.name: method for method in audit.methods}
    assert len(heard) == len(found) == 4
    assert found["oft"].failed() == {"trains": "its process ended without an error message"}
    assert all(not found[name].findings for name in ("lora", "ia3", "vera"))


def test_what_touches_embeddings_is_audited_on_tied_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_pool", lambda jobs: Here(set()))
    head = MethodEntry(name="lora", label="head", parameters={"target_modules": ["lm_head"]})
    audit = audit_methods(["lora", head], jobs=2)
    assert [method.label for method in audit.methods] == ["lora", "head", "head, tied embeddings"]
    assert audit.defaults["LORA"]["bias"] == "none"


def test_lora_on_a_tied_head_is_found_not_to_merge() -> None:
    head = MethodEntry(name="lora", parameters={"target_modules": ["lm_head"]})
    (audit,) = audit_methods([head], model="toy:tied-llama", jobs=1).methods
    assert audit.tied_embeddings
    assert "mergeable" in audit.failed()


def test_everything_is_every_type_every_preset_and_the_variants() -> None:
    specs = everything()
    assert {spec.peft_type for spec in specs if spec.peft_type} >= set(peft_types())
    assert {"full", "lora", "dora", "lora-layer-replication"} <= {spec.label for spec in specs}
    assert all(spec.trains for spec in specs)


@pytest.mark.parametrize(("name", "line"), [("lorra", 'did you mean "lora"'), ("base", "trains nothing")])
def test_what_cannot_be_audited_is_refused(name: str, line: str) -> None:
    with pytest.raises(InputError, match=line):
        audit_methods([name])


def test_devices_are_dealt_out_among_audits_at_once(gpus: Callable[..., None]) -> None:
    gpus(2, "5,2")
    assert run._dealt_out(3) == ["5", "2", "5"]
    assert run._default_jobs("path:model") == 2
    assert run._default_jobs(None) == os.cpu_count()
    with run._pool(1) as pool:
        assert pool.submit(os.getenv, "CUDA_VISIBLE_DEVICES").result() == "5"
    gpus(0)
    assert run._dealt_out(2) == [None, None]
    assert run._default_jobs("path:model") == os.cpu_count()
