"""A study's page over HTTP while the study runs: the same page, which loads itself again when there are new records."""

import threading
from collections.abc import Callable
from contextlib import suppress
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socket import AF_INET6, gaierror, getaddrinfo
from typing import NamedTuple
from urllib.parse import urlsplit

from paretune.spec import InputError, one_line

LOCAL = "127.0.0.1"
_POLL_MILLISECONDS = 3000
_SEALED = "default-src 'none';"
_OPEN_TO_ITSELF = "default-src 'none'; connect-src 'self';"
_SCRIPT = """<script>
(() => {
  const ask = async () => {
    try {
      const answer = await fetch("version");
      if (answer.ok && (await answer.text()) !== "VERSION") location.reload();
    } catch { /* the server has ended: the page stays as it is */ }
  };
  setInterval(ask, MILLISECONDS);
})();
</script>
"""


_PROBLEM = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'">
<title>Paretune</title></head><body><p>PROBLEM</p>
</body></html>
"""


class _Kept(NamedTuple):
    """What was answered last."""

    version: str
    status: HTTPStatus
    page: str


class PageServer:
    """Serves one page. Only pages of this machine may ask for it, unless it is told to listen elsewhere.

    `render` returns the page as HTML, `version` a short text of letters and digits that changes when the page would.
    What `render` raises is shown in place of the page, until the version changes.
    """

    def __init__(self, render: Callable[[], str], version: Callable[[], str], *, host: str = LOCAL, port: int = 0):
        """Listen. Port 0 stands for any that is free. Raises `InputError` where the port cannot be had."""
        self._render = render
        self._version = version
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(ConnectionError):  # the browser has gone
                    server._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: whoever reads the page does not want to read of it."""

        class Server(ThreadingHTTPServer):
            address_family = _family(host)

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            raise InputError(f"--port {port}: {error.strerror} on {host}; choose another") from None
        self._host, self._port = host, self._server.server_address[1]
        self._local = ip_address(str(self._server.server_address[0])).is_loopback

    @property
    def address(self) -> str:
        """Where the page is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def run(self) -> None:
        """Answer until `stop` or an interruption."""
        with self._server:
            self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """End `run`, which runs in another thread."""
        self._server.shutdown()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if not self._is_meant(request.headers.get("Host", "")):
            return _send(request, HTTPStatus.FORBIDDEN, "another name than this server's")
        path = urlsplit(request.path).path
        if path == "/version":
            return _send(request, HTTPStatus.OK, self._version())
        if path == "/":
            status, page = self._page()
            return _send(request, status, page, "text/html")
        return _send(request, HTTPStatus.NOT_FOUND, f"there is nothing but {self.address}")

    def _is_meant(self, host: str) -> bool:
        """Tell whether a request names this server by its address, not by a name that somebody else's page gave it."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return not self._local or name.strip("[]") in {"localhost", "127.0.0.1", "::1", self._host}

    def _page(self) -> tuple[HTTPStatus, str]:
        """Return the page of this moment, rendered once for each version, or in its place what keeps it from that."""
        with self._lock:
            version = self._version()
            if self._kept is None or self._kept.version != version:
                try:
                    status, page = HTTPStatus.OK, self._render()
                except Exception as error:  # of a record that somebody is mending: the page goes on asking
                    status, page = HTTPStatus.SERVICE_UNAVAILABLE, _in_its_place(error)
                self._kept = _Kept(version, status, _alive(page, version))
            return self._kept.status, self._kept.page


def _family(host: str) -> int:
    """Return the family of a host's address. Raises `InputError` for a name that stands for none."""
    try:
        if not host:
            raise gaierror(0, "an empty name")
        return AF_INET6 if getaddrinfo(host, None)[0][0] == AF_INET6 else ThreadingHTTPServer.address_family
    except (gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a name"
        raise InputError(f"--host {host}: {reason}; 127.0.0.1 stands for this machine alone") from None


def _in_its_place(error: Exception) -> str:
    text = str(error) if isinstance(error, InputError) else one_line(error)
    return _PROBLEM.replace("PROBLEM", escape(text))


def _alive(page: str, version: str) -> str:
    """Let a page ask its own server, and no other, whether it has changed."""
    script = _SCRIPT.replace("VERSION", version).replace("MILLISECONDS", str(_POLL_MILLISECONDS))
    before, end, after = page.replace(_SEALED, _OPEN_TO_ITSELF, 1).rpartition("</body>")
    return before + script + end + after


def _send(request: BaseHTTPRequestHandler, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
    content = text.encode()
    request.send_response(status)
    request.send_header("Content-Type", f"{kind}; charset=utf-8")
    request.send_header("Content-Length", str(len(content)))
    request.send_header("Cache-Control", "no-store")
    request.send_header("X-Content-Type-Options", "nosniff")
    request.end_headers()
    request.wfile.write(content)
