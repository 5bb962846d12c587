"""When an error says that the disk is full, whoever raised it and whatever was raised because of it."""

import errno
import os

import pytest

from paretune.spec import InputError
from paretune.store.atomic import is_disk_full


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


SAFETENSORS = "Error while serializing: I/O error: No space left on device (os error 28)"


@pytest.mark.parametrize(
    "error",
    [system(errno.ENOSPC), system(errno.EDQUOT), RuntimeError(SAFETENSORS)],
    ids=["disk", "quota", "safetensors"],
)
def test_a_full_disk_is_found_below_other_errors(error: Exception) -> None:
    assert is_disk_full(error)
    outer = InputError("study.json: cannot be written")
    outer.__cause__ = error
    assert is_disk_full(outer)


@pytest.mark.parametrize("error", [system(errno.EACCES), ValueError("no space in the name"), OSError()], ids=str)
def test_other_errors_are_not_a_full_disk(error: Exception) -> None:
    assert not is_disk_full(error)
