"""Folders of results as they are typed: a folder of this machine, or a URL."""

from collections.abc import Sequence
from pathlib import Path


def folder_of(address: str) -> Path:
    """Return the folder of results; those at a URL are fetched first. Raises `InputError` as `local_folder` does."""
    from paretune.store.remote import local_folder

    return local_folder(address)


def folders_of(addresses: Sequence[str]) -> list[Path]:
    """Return the folder of each address."""
    return [folder_of(address) for address in addresses]
