"""Builds the site, or builds and serves it: `python -m tools.site build`, `python -m tools.site serve [--port N]`."""

import argparse
import os
import subprocess
import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.site.build import build_site

_LOOPBACK = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *values: object) -> None:
        """Print nothing."""


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder on the loopback address. Port 0 is any free one."""
    return ThreadingHTTPServer((_LOOPBACK, port), partial(_Quiet, directory=folder))


def _serve(folder: Path, port: int) -> None:
    with site_server(folder, port) as server:
        address = f"http://{_LOOPBACK}:{server.server_port}/"
        print(f"{address} (Ctrl-C ends)", flush=True)
        if _has_screen():
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def _has_screen() -> bool:
    """Tell whether a browser would open in a window. Without one, a text browser would take over the terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main() -> int:
    """Return the exit code: 0 for a site without problems, 1 with a line for each problem."""
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("action", choices=["build", "serve"])
    parser.add_argument("--port", type=int, default=0, help="with serve: port on this machine (default: any free one)")
    chosen = parser.parse_args()
    try:
        folder = build_site()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # MkDocs has said why
    print(f"{folder / 'index.html'}", flush=True)
    if chosen.action == "serve":
        _serve(folder, chosen.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
