"""The page of a study while it runs: new records appear, and only this machine is answered."""

import shutil
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import NamedTuple

import pytest

from paretune.cli.serving import serve_study, server_of
from paretune.report.server import PageServer
from paretune.spec import InputError, Study
from paretune.store import Store
from tests.records import make_record, make_study

KEPT = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"


class Answer(NamedTuple):
    status: int
    text: str
    head: HTTPResponse


Ask = Callable[..., Answer]


@pytest.fixture
def asking() -> Iterator[Callable[[PageServer], Ask]]:
    """Return a function that runs a server until the test ends and returns what asks it."""
    running: list[tuple[PageServer, threading.Thread]] = []

    def begin(server: PageServer) -> Ask:
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        name, port = server.address.removeprefix("http://").rstrip("/").split(":")

        def ask(path: str = "/", **headers: str) -> Answer:
            connection = HTTPConnection(name, int(port))
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), answer)

        return ask

    yield begin
    for server, thread in running:
        server.stop()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store(tmp_path / "results").open_for_study(study()):
        pass
    return tmp_path / "results"


def study() -> Study:
    return make_study(methods=["lora", "oft"])


def test_new_records_appear(folder: Path, asking: Callable[[PageServer], Ask]) -> None:
    ask = asking(server_of(folder, "127.0.0.1", 0))
    waiting, version = ask(), ask("/version").text
    assert waiting.status == 200
    assert "No trial has ended yet" in waiting.text
    assert version in waiting.text, "the page knows which version it is"
    assert ask("/version").text == version, "nothing has changed"
    for label in ("lora", "oft"):
        Store(folder).append(make_record(label), items=None)
        page, after = ask().text, ask("/version").text
        assert after != version
        assert after in page
        assert f">{label}<" in page or f'"{label}"' in page
        version = after


def test_it_is_the_study_s_page_and_asks_its_own_server_only(asking: Callable[[PageServer], Ask]) -> None:
    from paretune.cli.studies import study_page

    served = asking(server_of(KEPT, "127.0.0.1", 0))().text
    assert "default-src 'none'; connect-src 'self'; script-src" in served
    assert 'fetch("version")' in served
    script = served[served.rindex("<script>") :].removesuffix("</body>\n</html>")
    assert served.replace(script, "").replace(" connect-src 'self';", "") == study_page(KEPT)


def test_there_is_nothing_else(folder: Path, asking: Callable[[PageServer], Ask]) -> None:
    ask = asking(server_of(folder, "127.0.0.1", 0))
    for path in ("/study.json", "/../study.json", "/records/", "/index.html?x"):
        assert ask(path).status == 404
    assert ask("/?again").status == 200
    assert ask().head.getheader("X-Content-Type-Options") == "nosniff"


def test_a_name_that_another_page_gave_this_machine_is_not_answered(
    folder: Path, asking: Callable[[PageServer], Ask]
) -> None:
    ask = asking(server_of(folder, "127.0.0.1", 0))
    assert ask(Host="evil.example").status == 403
    assert ask(Host="evil.example:8080").status == 403
    assert ask(Host="localhost:8080").status == 200
    by_name = asking(server_of(folder, "localhost", 0))
    assert by_name(Host="evil.example").status == 403
    assert by_name(Host="127.0.0.1").status == 200


def test_a_damaged_record_is_said_in_place_of_the_page(folder: Path, asking: Callable[[PageServer], Ask]) -> None:
    ask = asking(server_of(folder, "127.0.0.1", 0))
    (folder / "records" / "0123456789abcdef-1.json").write_text("{")
    answer = ask()
    assert answer.status == 503
    assert "0123456789abcdef-1.json" in answer.text
    assert 'fetch("version")' in answer.text, "it asks whether somebody has mended it"
    shutil.rmtree(folder / "records")
    assert ask().status == 200, "it goes on"


def test_without_a_study_or_a_port_it_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no study\.json here"):
        serve_study(tmp_path, "127.0.0.1", 0, None)
    taken = server_of(folder, "127.0.0.1", 0)
    port = int(taken.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(InputError, match=f"--port {port}: Address already in use on 127.0.0.1; choose another"):
        server_of(folder, "127.0.0.1", port)
    for host in ("", "nowhere.invalid"):
        with pytest.raises(InputError, match=f"--host {host}: "):
            server_of(folder, host, 0)
    with pytest.raises(InputError, match="min-accuracy"):
        serve_study(folder, "127.0.0.1", 0, "abc")
    taken._server.server_close()
