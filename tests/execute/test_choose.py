"""Executors and numbers of jobs as people name them."""

import socket

import pytest

from paretune.execute.choose import chosen_executor, jobs_from
from paretune.spec import InputError


def test_an_unknown_executor_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r'no "rey" \(did you mean "ray"\?\)'), chosen_executor("rey", 1, 1):
        pass


def test_a_ray_cluster_that_cannot_be_reached_is_refused_in_one_line() -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="cannot be reached") as caught, chosen_executor(address, 1, 1):
            pass
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_what_is_no_number_of_jobs_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a number of trials"):
        jobs_from(text, "local")


def test_a_cluster_is_filled_unless_a_number_is_given() -> None:
    assert jobs_from(None, "local") == 1
    assert jobs_from(None, "ray") is None
    assert jobs_from("auto", "local") is None
    assert jobs_from("3", "ray") == 3
