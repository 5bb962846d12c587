"""Which accelerators there are to give away. Those here are made up."""

from collections.abc import Callable, Sequence

import pytest
import torch

from paretune.models import devices
from paretune.models.devices import check_jobs, device_environment, least_used, visible_devices
from paretune.spec import InputError

Gpus = Callable[..., None]


@pytest.mark.parametrize(
    ("number", "chosen", "found"),
    [
        (0, None, ()),
        (0, "0,1", ()),
        (0, "", ()),
        (3, None, ("0", "1", "2")),
        (2, "5, 2", ("5", "2")),
        (1, "1,-1,0", ("1",)),
        (2, "GPU-1f2e,GPU-99aa", ("GPU-1f2e", "GPU-99aa")),
        (1, "MIG-aa,MIG-bb,MIG-cc", ("MIG-aa", "MIG-bb", "MIG-cc")),
    ],
)
def test_the_variable_chooses_among_the_devices(
    gpus: Gpus, number: int, chosen: str | None, found: Sequence[str]
) -> None:
    gpus(number, chosen)
    assert visible_devices() == found


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_another_accelerator_is_one_device_that_no_variable_divides(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "default_device", lambda: torch.device(kind))
    assert visible_devices() == (kind,)
    assert device_environment(kind) == {}


def test_more_jobs_than_devices_are_refused_unless_they_may_share() -> None:
    with pytest.raises(InputError, match=r"--jobs 8: this machine has 1 accelerator.*lower --jobs to 1.*--share-devic"):
        check_jobs(8, ["0"], share_devices=False)
    with pytest.raises(InputError, match="--jobs 3: this machine has 2 accelerators"):
        check_jobs(3, ["0", "1"], share_devices=False)
    check_jobs(8, ["0"], share_devices=True)
    check_jobs(2, ["0", "1"], share_devices=False)
    check_jobs(8, [], share_devices=False)


def test_the_least_used_device_is_next() -> None:
    assert least_used([], []) is None
    assert least_used(["5", "2"], []) == "5"
    assert least_used(["5", "2"], ["5"]) == "2"
    assert least_used(["5", "2"], ["5", "2", "5"]) == "2"
