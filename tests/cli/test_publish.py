"""A study goes to the Hub: to a made-up one, and to a server on this machine that speaks as the Hub does."""

import base64
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from paretune.cli.publish import Options, publish_study
from paretune.spec import InputError
from paretune.store import Item, Store, load_records
from tests.cli.conftest import Paretune
from tests.interop.hub.fake_hub import FakeHub
from tests.records import make_record, make_study

SECRET = "/home/ann/secret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two methods with answers, an adapter, and a warning that names a path."""
    store = Store(tmp_path_factory.mktemp("study") / "results")
    with store.open_for_study(make_study(methods=["lora", "oft"])):
        for label in ("lora", "oft"):
            items = [Item(f"q{n}", "all", {"accuracy": float(n % 2)}, "an answer", "a target") for n in range(8)]
            record = make_record(label, notes=(f"{SECRET}/cache is slow",))
            store.append(record.model_copy(update={"num_items": 8}), items)
    store.adapter_folder(store.records()[0].trial_id, 1).mkdir(parents=True)
    return store.folder


@pytest.fixture
def quick_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page be a line, for tests that are not about it."""
    monkeypatch.setattr("paretune.cli.publish.render_page", lambda records, study, sources: "<!doctype html>")


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpacked(page: str) -> str:
    """Return a page with what is compressed in it as text."""
    packed = re.findall(r'"(H4sI[A-Za-z0-9+/=]+)"', page)
    assert packed
    return page + "".join(gzip.decompress(base64.b64decode(one)).decode() for one in packed)


@pytest.mark.usefixtures("quick_page")
def test_a_dry_run_writes_what_is_uploaded(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = Options("me/a", licence="cc-by-4.0", model_cards=True)
    publish_study(folder, options._replace(dry_run=True, out=tmp_path / "out"))
    said = capsys.readouterr().out
    hub = FakeHub()
    publish_study(folder, options, hub)
    assert files_in(tmp_path / "out" / "space") == hub.files["space", "me/a"]
    assert files_in(tmp_path / "out" / "dataset") == hub.files["dataset", "me/a-records"]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "data set me/a-records: https://hub.example/datasets/me/a-records",
        "Space me/a: https://hub.example/spaces/me/a",
    ]
    for name, files in (("space", {"README.md", "index.html"}), ("dataset", {"README.md", "results.parquet"})):
        assert files <= set(files_in(tmp_path / "out" / name))
        assert all(re.search(rf"\d [kM]?B +{re.escape(one)}", said) for one in files), said
    assert re.search(r"records/, 2 files", said)
    assert f"such as {SECRET}/cache" in said
    assert "Nothing was uploaded" in said


def test_what_is_published_can_be_read_again_and_names_no_place(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish_study(folder, Options("me/a", "us/b", model_cards=True, dry_run=True, out=out))
    assert [one.metrics for one in load_records(out / "dataset")] == [one.metrics for one in load_records(folder)]
    page = unpacked((out / "space" / "index.html").read_text())
    assert "an answer" in page
    texts = [page, *(one.decode("utf-8", "replace") for one in files_in(out).values())]
    for text in texts:
        assert "ann/secret" not in text
        assert str(folder) not in text
        assert str(Path.home()) + "/" not in text
    (card,) = (out / "dataset" / "model-cards").glob("*/README.md")
    assert "model-index:" in card.read_text()
    assert "us/b" in (out / "space" / "README.md").read_text()


@pytest.mark.usefixtures("quick_page")
def test_a_second_dry_run_replaces_the_first_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    options = Options("me/a", dry_run=True, out=tmp_path / "out")
    publish_study(folder, options._replace(model_cards=True))
    publish_study(folder, options)
    assert not (tmp_path / "out" / "dataset" / "model-cards").exists()
    (tmp_path / "out" / "space" / "README.md").write_text("mine")
    with pytest.raises(InputError, match="holds other files \\(space\\); choose a new folder with -o"):
        publish_study(folder, options)
    assert (tmp_path / "out" / "space" / "README.md").read_text() == "mine"


def test_texts_of_own_data_are_on_no_page_unless_asked_for(tmp_path: Path) -> None:
    task = {"name": "own_data", "version": "2", "content_hash": "0", "locations": ["path"],
            "options": {"path": f"{SECRET}/my.jsonl"}}  # fmt: skip
    store = Store(tmp_path / "results")
    with store.open_for_study(make_study(methods=["lora", "oft"], tasks=["own_data"])):
        for label in ("lora", "oft"):
            items = [Item(f"row {n}", "all", {"accuracy": 1.0}, "her answer", "her text", "ann") for n in range(4)]
            store.append(make_record(label, task=task).model_copy(update={"num_items": 4}), items)
    for own_data in (False, True):
        options = Options("me/a", own_data=own_data, dry_run=True, out=tmp_path / "out")
        publish_study(store.folder, options)
        page = unpacked((tmp_path / "out" / "space" / "index.html").read_text())
        assert ("her answer" in page, "her text" in page) == (own_data, own_data)
        assert "row 1" in page, "scores are there, question by question"
        assert "ann/secret" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--space", "demo", "--dry-run"), "--space demo: write OWNER/NAME"),
        (("--space", "me/demo", "--dataset", "x", "--dry-run"), "--dataset x: write OWNER/NAME"),
        (("--space", "me/demo", "--license", "My licence", "--dry-run"), "--license My licence: write an identifier"),
        (("--space", "me/demo", "-o", "out"), "-o belongs to --dry-run"),
        (("--dry-run",), "--space"),
    ],
)
def test_wrong_use_is_one_line(paretune: Paretune, folder: Path, words: tuple[str, ...], said: str) -> None:
    done = paretune("publish", folder, *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert said in done.stderr
    assert not (folder / "publish").exists()


def test_nothing_to_publish_is_one_line(paretune: Paretune, tmp_path: Path) -> None:
    for words in ((), ("--dry-run",)):
        done = paretune("publish", tmp_path, "--space", "me/demo", *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "no study.json here" in done.stderr


@pytest.mark.usefixtures("quick_page")
def test_no_adapter_for_a_model_card_is_one_line(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    with store.open_for_study(make_study(methods=["lora"])):
        store.append(make_record(), None)
    with pytest.raises(InputError, match=r"--model-card: .*adapters holds no adapter of a final trial"):
        publish_study(store.folder, Options("me/a", model_cards=True, dry_run=True))
    assert not (store.folder / "publish").exists()


class _Answers(BaseHTTPRequestHandler):
    """Answers as the Hub does where repositories are made and written; every file is a regular one."""

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            self._send(200, [])
        else:
            self._send(404, {"error": "Repository not found"}, ("X-Error-Code", "RepoNotFound"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        log: list[Any] = self.server.log  # type: ignore[attr-defined]
        here = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        if self.headers["Authorization"] != "Bearer hf_good":
            self._send(403, {"error": "no rights"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            log.append(asked)
            self._send(200, {"url": f"{here}/{asked['type']}s/{asked['organization']}/{asked['name']}"})
        elif "/preupload/" in self.path:
            files = [one["path"] for one in json.loads(body)["files"]]
            modes = [{"path": one, "uploadMode": "regular", "shouldIgnore": False} for one in files]
            self._send(200, {"files": modes})
        elif "/commit/" in self.path:
            lines = [json.loads(line) for line in body.splitlines()]
            log.append({one["value"]["path"]: one["value"]["content"] for one in lines if one["key"] == "file"})
            self._send(200, {"success": True, "commitOid": "0" * 40, "commitUrl": f"{here}/me/a/commit/{'0' * 40}"})
        else:
            self._send(200, {"warnings": [], "errors": []})

    def _send(self, code: int, value: object, *headers: tuple[str, str]) -> None:
        content = json.dumps(value).encode()
        self.send_response(code)
        for name, text in (("Content-Type", "application/json"), ("Content-Length", str(len(content))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def local_hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.log = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def published_at(endpoint: str, folder: Path, home: Path, token: str | None) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own: the client reads the endpoint when it is imported."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)} | ({"HF_TOKEN": token} if token else {})
    command = [sys.executable, "-m", "paretune", "publish", str(folder), "--space", "me/a"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_real_client_publishes_to_a_server(local_hub: ThreadingHTTPServer, folder: Path, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{local_hub.server_port}"
    done = published_at(endpoint, folder, tmp_path, "hf_good")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"data set me/a-records: {endpoint}/datasets/me/a-records",
        f"Space me/a: {endpoint}/spaces/me/a",
    ]
    made, records, space_made, space = local_hub.log  # type: ignore[attr-defined]
    assert (made["type"], space_made["type"], space_made["sdk"]) == ("dataset", "space", "static")
    assert {"README.md", "results.parquet", "study.json"} <= records.keys()
    assert set(space) == {"README.md", "index.html"}
    assert b"sdk: static" in base64.b64decode(space["README.md"])
    assert f"{endpoint}/datasets/me/a-records".encode() in base64.b64decode(space["README.md"])


def test_no_token_no_rights_and_no_network_are_one_line(
    local_hub: ThreadingHTTPServer, folder: Path, tmp_path: Path
) -> None:
    endpoint = f"http://127.0.0.1:{local_hub.server_port}"
    with socket.socket() as bound:  # which does not listen: a connection is refused
        bound.bind(("127.0.0.1", 0))
        for where, token, said in (
            (endpoint, None, "publishing needs a token of the Hub: log in with hf auth login"),
            (endpoint, "hf_bad", "this token may not write to me"),
            (f"http://127.0.0.1:{bound.getsockname()[1]}", "hf_good", "the Hub cannot be reached"),
        ):
            done = published_at(where, folder, tmp_path, token)
            assert done.returncode == 2
            assert "Traceback" not in done.stderr
            assert said in done.stderr.splitlines()[-1]
            assert done.stdout == ""
