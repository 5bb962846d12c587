"""Results at a URL: what fsspec reaches there is mirrored by a folder on this machine."""

from paretune.store.remote.address import address_of, is_url
from paretune.store.remote.hold import Superseded
from paretune.store.remote.mirror import Place, checkpoint_url, folder_named_by, local_folder, opened_for_writing

__all__ = [
    "Place",
    "Superseded",
    "address_of",
    "checkpoint_url",
    "folder_named_by",
    "is_url",
    "local_folder",
    "opened_for_writing",
]
