"""Results in an S3 emulator (moto), through s3fs and HTTP."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretune.spec import InputError
from paretune.store import Store, load_records
from paretune.store.remote import opened_for_writing
from paretune.store.remote.bucket import Bucket
from tests.records import make_record, make_study

_NEEDED = "needs s3fs and an emulator of S3: pip install s3fs 'moto[s3]' flask flask-cors"
s3fs = pytest.importorskip("s3fs", reason=_NEEDED)
pytest.importorskip("flask_cors", reason=_NEEDED)
server = pytest.importorskip("moto.server", reason=_NEEDED)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Return the address of an emulator on a free port."""
    emulator = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    emulator.start()
    host, port = emulator.get_host_and_port()
    yield f"http://{host}:{port}"
    emulator.stop()


@pytest.fixture
def url(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of a study in a new bucket."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PARETUNE_CACHE": str(tmp_path / "first"),
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"bucket-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(bucket)
    yield f"s3://{bucket}/study"
    s3fs.S3FileSystem.clear_instance_cache()


def test_records_go_to_s3_and_come_back(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_record()
    with opened_for_writing(url) as place:
        store = Store(place.folder)
        with store.open_for_study(make_study()):
            store.append(record, None)
        place.send()
        monkeypatch.setenv("PARETUNE_CACHE", str(tmp_path / "second"))
        assert load_records(url) == [record]
        with pytest.raises(InputError, match="another run writes here"), opened_for_writing(url):
            pass
    with opened_for_writing(url) as place:
        assert Store(place.folder).records() == [record]


def test_a_file_is_created_once(url: str) -> None:
    bucket = Bucket(url)
    assert [bucket.create("one", b"first"), bucket.create("one", b"second")] == [True, False]
    assert bucket.read("one") == b"first"
    assert bucket.read("two") is None


@pytest.mark.usefixtures("url")
def test_a_bucket_that_is_not_there_is_one_line() -> None:
    absent = pytest.raises(
        InputError, match="s3://nowhere/study: cannot be reached: The specified bucket does not exist"
    )
    with absent, opened_for_writing("s3://nowhere/study"):
        pass


def test_missing_credentials_are_one_line(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(InputError, match="cannot be reached: Unable to locate credentials;"), opened_for_writing(url):
        pass
