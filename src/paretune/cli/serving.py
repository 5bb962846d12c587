"""The page of a study that may still run, in a browser: from options to a server."""

import hashlib
import sys
from pathlib import Path

from paretune.cli.listings import floor_from
from paretune.cli.studies import study_page
from paretune.report.server import PageServer
from paretune.spec import InputError
from paretune.store import Store
from paretune.store.remote import address_of, is_url

_WAITING = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'">
<title>Waiting for the first trial</title></head>
<body><p>No trial has ended yet. This page shows the first as soon as it has.</p>
</body></html>
"""


def serve_study(folder: Path, host: str, port: int, min_accuracy: str | None) -> None:
    """Serve a study's page until Ctrl-C. Raises `InputError` where there is no study, or the port cannot be had."""
    if Store(folder).study() is None:
        raise InputError(f"{folder}: no study.json here; give the folder that was passed to --out")
    floor_from(min_accuracy)
    server = server_of(folder, host, port, min_accuracy)
    shown = address_of(folder)
    later = ", as it was fetched at the start" if is_url(shown) else ", and new records as they come"
    print(f"{server.address} shows {shown}{later}. Ctrl-C ends it.", file=sys.stderr)
    try:
        server.run()
    except KeyboardInterrupt:
        return


def server_of(folder: Path, host: str, port: int, min_accuracy: str | None = None) -> PageServer:
    """Return the server of a study's page."""

    def page() -> str:
        return study_page(folder, min_accuracy) if _files(folder, "records/*.json") else _WAITING

    return PageServer(page, lambda: _version(folder), host=host, port=port)


def _version(folder: Path) -> str:
    """Return what changes whenever a file that the page is made of does: records are written once."""
    found = [*_files(folder, "records/*.json"), *_files(folder, "*.json")]
    stamps = sorted((path.name, path.stat().st_mtime_ns) for path in found if path.exists())
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def _files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if not path.name.startswith(".")]
