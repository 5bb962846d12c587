"""A study's page over HTTP while the study runs: the same page, which loads itself again when there are new records."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from paretune.spec import InputError

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


class PageServer:
    """Serves one page. Only pages of this machine may ask for it, unless it is told to listen elsewhere.

    `render` returns the page as HTML, `version` a short text of letters and digits that changes when the page would;
    both may raise `InputError`, which is then shown in place of the page, as plain text.
    """

    def __init__(self, render: Callable[[], str], version: Callable[[], str], *, host: str = LOCAL, port: int = 0):
        """Listen. Port 0 stands for any that is free. Raises `InputError` where the port cannot be had."""
        self._render = render
        self._version = version
        self._lock = threading.Lock()
        self._kept: tuple[str, str] | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: whoever reads the page does not want to read of it."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise InputError(f"--host {host} --port {port}: {error.strerror}; choose another with --port") from None
        self._host, self._port = host, self._server.server_address[1]

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{self._host}:{self._port}/"

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
        try:
            if request.path == "/":
                return _send(request, HTTPStatus.OK, self._page(), "text/html")
            if request.path == "/version":
                return _send(request, HTTPStatus.OK, self._version())
        except InputError as error:
            return _send(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return _send(request, HTTPStatus.NOT_FOUND, f"there is nothing but {self.address}")

    def _is_meant(self, host: str) -> bool:
        """Tell whether a request names this server by its address, not by a name that somebody else's page gave it."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name in {"localhost", self._host}:
            return True
        try:
            return not ip_address(self._host).is_loopback
        except ValueError:
            return True

    def _page(self) -> str:
        """Return the page of this moment, rendered once for each version."""
        with self._lock:
            version = self._version()
            if self._kept is None or self._kept[0] != version:
                self._kept = version, _alive(self._render(), version)
            return self._kept[1]


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
