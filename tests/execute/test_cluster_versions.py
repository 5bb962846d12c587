"""Nodes of a cluster with other versions are refused."""

import subprocess
import sys

import pytest

from paretune.execute.cluster_versions import check_record, check_versions, version_probe, versions_here
from paretune.measure.provenance import collect_provenance
from paretune.spec import InputError


def test_a_node_with_the_same_versions_is_taken() -> None:
    check_versions(version_probe()(), "node-1")


@pytest.mark.parametrize(("name", "there"), [("torch", "1.0.0"), ("peft", None), ("python", "3.2.1")])
def test_a_node_with_another_version_is_refused_in_one_line(name: str, there: str | None) -> None:
    with pytest.raises(InputError) as caught:
        check_versions({**versions_here(), name: there}, "node-1")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"node node-1: {name} {there or 'is missing'}, and here it is {versions_here()[name]}")
    assert line.endswith("install the same versions on all nodes")


def test_a_package_that_only_a_node_has_is_refused() -> None:
    missing = next(name for name, here in versions_here().items() if here is not None)
    found = dict(versions_here())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("paretune.execute.cluster_versions.versions_here", lambda: {**found, missing: None})
        with pytest.raises(InputError, match="and here it is missing"):
            check_versions(found, "node-1")


def test_builds_for_other_devices_and_the_last_number_of_python_may_differ() -> None:
    torch, python = versions_here()["torch"], versions_here()["python"]
    assert torch is not None
    assert python is not None
    other = {"torch": torch.partition("+")[0] + "+cu999", "python": python.rpartition(".")[0] + ".999"}
    check_versions({**versions_here(), **other}, "node-1")


def test_a_record_of_another_commit_is_refused() -> None:
    """It comes from a node that joined after the others were looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("paretune.measure.provenance.paretune_commit", lambda: "here")
        made = collect_provenance(concurrent_workers=1)
        with pytest.raises(InputError, match="Paretune is at commit there, and here at here"):
            check_record(made.model_copy(update={"git_commit": "there"}), "node-1")
        check_record(made.model_copy(update={"git_commit": "here"}), "node-1")


def test_the_probe_runs_where_paretune_is_not_installed() -> None:
    cloudpickle = pytest.importorskip("cloudpickle", reason="cloudpickle comes with submitit")
    code = (
        "import pickle, sys; sys.modules['paretune'] = None\n"
        "print(sorted(pickle.load(sys.stdin.buffer)().items(), key=str))"
    )
    sent = cloudpickle.dumps(version_probe())
    answer = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert answer.stdout.decode().strip() == str(sorted(versions_here().items(), key=str))
