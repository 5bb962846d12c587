from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from paretune.models import load_model, makes_pictures, prefetch
from paretune.models.pipeline_files import PARTS
from paretune.spec import InputError, Unreachable

REFERENCE = "hub:some/model@main"


class Hub:
    """Stands in for the hub: what is cached, what a download gives, and how often it was asked."""

    def __init__(self) -> None:
        self.cached: Path | None = None
        self.answer: Path | Exception | None = None
        self.num_downloads = 0
        self.patterns: list[list[str]] = []

    def snapshot_download(
        self, name: str, *, revision: str, local_files_only: bool = False, allow_patterns: Any = None, **_: Any
    ) -> str:
        assert (name, revision) == ("some/model", "main")
        if local_files_only:
            if self.cached is None:
                raise errors.LocalEntryNotFoundError("nothing there")
            return str(self.cached)
        self.num_downloads += 1
        self.patterns.append(allow_patterns)
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    stand_in = Hub()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in.snapshot_download)
    return stand_in


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    folder = tmp_path / "0123abc"
    model, tokenizer, *_ = load_model("toy:llama")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_whole_snapshot_asks_no_network(hub: Hub, snapshot: Path) -> None:
    hub.cached = snapshot
    prefetch(REFERENCE)
    assert load_model(REFERENCE).note == "revision main was commit 0123abc"
    assert hub.num_downloads == 0


def test_a_snapshot_without_its_weights_is_fetched_again(hub: Hub, snapshot: Path, tmp_path: Path) -> None:
    hub.cached = tmp_path / "half"
    hub.cached.mkdir()
    (hub.cached / "config.json").write_text("{}")
    hub.answer = snapshot
    prefetch(REFERENCE)
    assert hub.num_downloads == 2, "whether it is a pipeline, then the weights"


def test_of_a_pipeline_its_parts_are_fetched_and_not_the_same_weights_as_one_file(hub: Hub, tmp_path: Path) -> None:
    for part in PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text("{}")
        (tmp_path / part / "model.safetensors").write_bytes(b"")
    (tmp_path / "model_index.json").write_text('{"_class_name": "Flux2KleinPipeline"}')
    hub.answer = tmp_path
    prefetch(REFERENCE)
    assert hub.patterns[0] == ["model_index.json"]
    assert sorted(hub.patterns[1]) == sorted(["model_index.json", *(f"{part}/*" for part in PARTS)])
    hub.cached = tmp_path
    assert makes_pictures(REFERENCE)
    assert hub.num_downloads == 2
    (tmp_path / "vae" / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no diffusion_pytorch_model\.safetensors in .*vae"):
        prefetch(REFERENCE)


def _http(kind: type[Exception]) -> Exception:
    return kind("said no", response=SimpleNamespace(headers={}, status_code=404, request=None))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (_http(errors.GatedRepoError), "gated; accept its terms"),
        (_http(errors.RepositoryNotFoundError), "not on the hub, or private"),
        (_http(errors.RevisionNotFoundError), "no such revision"),
        (errors.LocalEntryNotFoundError("a\nb"), "the hub cannot be reached"),
        (errors.OfflineModeIsEnabled("a"), "HF_HUB_OFFLINE"),
        (OSError(28, "No space left on device"), "the disk is full"),
        (PermissionError(13, "Permission denied"), "HF_HOME"),
    ],
)
def test_why_a_model_cannot_be_had(hub: Hub, error: Exception, words: str) -> None:
    hub.answer = error
    with pytest.raises(InputError, match=words) as refusal:
        prefetch(REFERENCE)
    unanswered = isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled)
    assert isinstance(refusal.value, Unreachable) == unanswered
    assert REFERENCE in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_download_that_leaves_no_safetensors(hub: Hub, tmp_path: Path) -> None:
    hub.answer = tmp_path
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="only safetensors are read"):
        prefetch(REFERENCE)


def test_an_error_that_nobody_expects_is_not_dressed_up(hub: Hub) -> None:
    hub.answer = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        prefetch(REFERENCE)
