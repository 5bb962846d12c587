"""Base models of the Hugging Face hub, kept in the cache that its own tools use too."""

from pathlib import Path

from paretune.models.pipeline_files import (
    PARTS,
    PIPELINE_INDEX,
    check_image_folder,
    has_whole_pipeline,
    is_image_folder,
)
from paretune.models.reference import Reference
from paretune.models.weights import check_weights, has_whole_weights
from paretune.packages.progress import step
from paretune.spec import InputError, Unreachable, one_line
from paretune.store.atomic import is_disk_full

_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_UNWANTED = ["*/*"]
"""Folders inside a repository hold other formats of the same weights."""
_PIPELINE = [PIPELINE_INDEX, *(f"{part}/*" for part in PARTS)]
"""What is wanted of a text-to-image pipeline: its parts. Next to their folders are the same weights as one file."""

_CONFIGURATION = ["*.json", "*.model", "*.txt", "*.jinja"]
_PIPELINE_CONFIGURATION = [PIPELINE_INDEX, *(f"{part}/*.json" for part in PARTS)]
"""What tells a model's shape and its tokens: no weights."""

_UNREACHABLE = "not in the hub's cache, and the hub cannot be reached; check the network and HF_HUB_OFFLINE"
_CONNECTION_ERRORS = {"ProxyError", "ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError"}


def hub_folder(reference: Reference, *, weights: bool = True) -> Path:
    """Return the folder of a snapshot, downloading what is not there yet; without `weights`, none of those.

    A snapshot that is whole is used as it is, without asking the network: a revision such as `main` stays at the commit
    it was first fetched at. Raises `InputError` when the model is not found, gated, or cannot be reached.
    """
    found = _cached_snapshot(reference, weights=weights)
    if found is not None:
        return found
    folder = _download(reference, [PIPELINE_INDEX], what="looking it up on")
    if not weights:
        if is_image_folder(folder):
            return _download(reference, _PIPELINE_CONFIGURATION)
        return _download(reference, _CONFIGURATION, _UNWANTED)
    if is_image_folder(folder):
        folder = _download(reference, _PIPELINE)
        check_image_folder(folder, reference.text)
        return folder
    folder = _download(reference, _WANTED, _UNWANTED)
    check_weights(folder, reference.text)
    return folder


def hub_commit(reference: Reference) -> str:
    """Return the commit that a revision stands for: of the snapshot that is used, otherwise as the hub says.

    Raises `InputError` as `hub_folder` does.
    """
    found = _cached_snapshot(reference, weights=False) or _download(
        reference, [PIPELINE_INDEX], what="looking it up on"
    )
    return found.name


def commit_note(reference: Reference, folder: Path) -> str | None:
    """Return which commit a moving revision stood for, or None where the revision is the commit itself."""
    commit = folder.name
    return None if commit == reference.version else f"revision {reference.version} was commit {commit}"


def _cached_snapshot(reference: Reference, *, weights: bool) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            reference.name, revision=reference.version, local_files_only=True
        )  # fmt: skip
    except HFValidationError as error:
        raise InputError(f'base model "{reference.text}": {one_line(error)[:200]}') from None
    except LocalEntryNotFoundError:
        return None
    if not weights:
        return Path(folder) if _has_configuration(Path(folder)) else None
    whole = has_whole_pipeline if is_image_folder(Path(folder)) else has_whole_weights
    return Path(folder) if whole(Path(folder)) else None


def _has_configuration(folder: Path) -> bool:
    return (folder / "transformer" if is_image_folder(folder) else folder).joinpath("config.json").is_file()


def _download(
    reference: Reference, wanted: list[str], unwanted: list[str] | None = None, *, what: str = "downloading from"
) -> Path:
    from huggingface_hub import snapshot_download

    try:
        with step(f"{reference.text}: {what} the hub"):
            return Path(
                snapshot_download(
                    reference.name, revision=reference.version, allow_patterns=wanted, ignore_patterns=unwanted
                )
            )
    except Exception as error:
        reason = hub_problem(error)
        if reason is None:
            raise
        kind = Unreachable if is_unreachable(error) else InputError
        raise kind(f'base model "{reference.text}": {reason}') from None


def is_unreachable(error: Exception) -> bool:
    """Tell whether a download failed because the hub did not answer, or must not be asked.

    The hub's client raises the connection errors of the HTTP library that it uses; these are known by name.
    """
    from huggingface_hub import errors

    kinds = (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)
    return isinstance(error, kinds) or type(error).__name__ in _CONNECTION_ERRORS


def hub_problem(error: Exception) -> str | None:
    """Say in a person's words why a download failed, or return None where it is none of the known reasons."""
    from huggingface_hub import errors

    # The order matters: a gated repository is a special case of one that was not found, and all of them are OSErrors.
    known: list[tuple[type[Exception], str]] = [
        (errors.GatedRepoError, "the model is gated; accept its terms on its page and log in with: hf auth login"),
        (errors.RepositoryNotFoundError, "not on the hub, or private; check the name, or log in with: hf auth login"),
        (errors.RevisionNotFoundError, "the model has no such revision; check what stands after @"),
        (errors.LocalEntryNotFoundError, _UNREACHABLE),
        (errors.OfflineModeIsEnabled, _UNREACHABLE),
        (errors.HfHubHTTPError, f"the hub answered with an error: {one_line(error)[:200]}; try again later"),
    ]
    for kind, reason in known:
        if isinstance(error, kind):
            return reason
    if is_disk_full(error):
        return "the disk is full; make room, or let HF_HOME name a folder on another disk"
    if isinstance(error, OSError):
        return f"could not be downloaded: {one_line(error)[:200]}; HF_HOME moves the hub's cache"
    if is_unreachable(error):
        return f"the hub cannot be reached: {one_line(error)[:200]}; check the network and proxy settings"
    return None
