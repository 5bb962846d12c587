"""What a base model is, beyond the reference that names it: a commit of the hub, or a hash over a folder's files."""

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

from paretune.models.hub import hub_commit
from paretune.models.load import check_reference
from paretune.models.pipeline_files import is_image_folder
from paretune.models.reference import parse
from paretune.packages.progress import step
from paretune.spec import InputError, content_hash
from paretune.store.atomic import write_whole
from paretune.store.cache_root import cache_root

_READ = {".json", ".safetensors", ".model", ".txt", ".jinja"}
"""Endings of the files that a model and its tokenizer are read from."""
_REMEMBERED_BYTES = 64_000_000
"""The hashes of files from this size on are kept, for as long as the files stay untouched."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def base_content(reference: str) -> str | None:
    """Return what a reference stands for now, or None where it says so itself: a package, a commit, a built-in model.

    `hub:NAME@COMMIT` for a revision such as `main`, which asks the network where it was not fetched yet. For a folder
    `sha256:` and 16 hexadecimal digits over the files that a model is read from, wherever the folder lies. Raises
    `InputError` when the hub has no such model or cannot be reached, and for a folder that cannot be read.
    """
    parsed = parse(reference)
    if parsed.kind == "hub" and not _COMMIT.fullmatch(parsed.version or ""):
        return f"hub:{parsed.name}@{hub_commit(parsed)}"
    if parsed.kind == "path":
        check_reference(reference)
        return _folder_content(Path(parsed.name).expanduser(), reference)
    return None


def pinned(reference: str, content: str | None) -> str:
    """Return a reference under which exactly that content is loaded. None is any content, and the reference as it is.

    Raises `InputError` when a folder no longer holds it.
    """
    if content is None or content.startswith("hub:"):
        return content or reference
    now = base_content(reference)
    if now != content:
        raise InputError(
            f'base model "{reference}": its files have changed ({now}; the trial is of {content}); put the earlier '
            "ones back, or run the study into another folder with --out"
        )
    return reference


def _folder_content(folder: Path, reference: str) -> str:
    patterns = ("*", "*/*") if is_image_folder(folder) else ("*",)
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    files = [path for path in found if path.suffix in _READ and path.is_file()]
    try:
        lines = [f"{path.relative_to(folder).as_posix()} {_file_hash(path, reference)}" for path in files]
    except OSError as error:
        raise InputError(
            f'base model "{reference}": {error.filename} cannot be read: {error.strerror}; make it readable'
        ) from None
    return f"sha256:{content_hash(chr(10).join(lines))}"


def _file_hash(path: Path, reference: str) -> str:
    """Return the SHA-256 of a file. A large one's is kept until the file is written, replaced or moved."""
    state = path.stat()
    if state.st_size < _REMEMBERED_BYTES:
        return _sha256(path)
    seen = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    memory = cache_root() / "hashes" / f"{content_hash(os.path.realpath(path))}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(memory.read_text(encoding="utf-8"))
        if kept["file"] == seen:
            return str(kept["sha256"])
    with step(f"{reference}: hashing {path.name}, once for as long as it stays unchanged"):
        found = _sha256(path)
    with suppress(OSError):  # a cache that cannot be written costs time and nothing else
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_whole(memory, json.dumps({"file": seen, "sha256": found}).encode())
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
