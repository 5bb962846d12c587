"""Hashes that came before are known, however long ago."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.tasks.data import seen
from paretune.tasks.data.seen import SeenHashes


@pytest.fixture(autouse=True, scope="module")
def _few_are_recent() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "_MOST_RECENT", 3)
        yield


@given(st.lists(st.integers(0, 20) | st.integers(0, 2**64 - 1), max_size=60))
def test_a_hash_is_new_once(hashes: list[int]) -> None:
    found, known = SeenHashes(), set[int]()
    for value in hashes:
        assert found.add(value) is (value not in known)
        known.add(value)
