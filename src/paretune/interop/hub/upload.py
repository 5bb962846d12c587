"""Uploading folders to the Hub, which replaces no repository that is not ours and makes nothing private public."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from paretune.interop.hub.cards import MODEL_CARDS, TAG
from paretune.spec import InputError, one_line

RepositoryKind = Literal["dataset", "space"]
_FORM = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_WORDS: dict[str, str] = {"dataset": "data set", "space": "Space"}
_REPLACED: dict[str, list[str] | None] = {
    "dataset": ["records/*.json", "items/*.parquet", f"{MODEL_CARDS}/*"],
    "space": None,
}
"""Files of an earlier publication that are deleted where the new one does not hold them."""

_HTTP_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})


class Hub(Protocol):
    """The part of `huggingface_hub.HfApi` that is used."""

    def repo_info(self, repo_id: str, *, repo_type: str) -> Any:
        """Return what is known of a repository: `private`, `tags`, `card_data`. Raises `RepositoryNotFoundError`."""

    def create_repo(
        self, repo_id: str, *, repo_type: str, private: bool | None, space_sdk: str | None, exist_ok: bool
    ) -> str:
        """Make a repository, unless it is there, and return its address."""

    def upload_folder(
        self, *, repo_id: str, repo_type: str, folder_path: Path, commit_message: str, delete_patterns: list[str] | None
    ) -> Any:
        """Upload a folder's files, and delete those of the repository that match the patterns and are not in it."""


class Upload(NamedTuple):
    """A folder and where it goes."""

    kind: RepositoryKind
    name: str
    """OWNER/NAME."""
    folder: Path

    @property
    def words(self) -> str:
        """What it is and what it is called."""
        return f"{_WORDS[self.kind]} {self.name}"


class Published(NamedTuple):
    """A repository that now holds a folder."""

    upload: Upload
    address: str
    private: bool
    """False also where the default of an organisation decided, which may be private."""


def checked_name(option: str, name: str) -> str:
    """Return OWNER/NAME. Raises `InputError` where a name does not have that form, or the Hub would refuse it."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    if not _FORM.fullmatch(name):
        raise InputError(f"{option} {name}: write OWNER/NAME, such as {option} my-name/my-study")
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise InputError(f"{option} {name}: {one_line(error)[:200]}") from None
    return name


def logged_in_hub() -> Hub:
    """Return the Hub as the person who is logged in. Contacts nothing. Raises `InputError` without a token."""
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if token is None:
        raise InputError("publishing needs a token of the Hub: log in with hf auth login, or set HF_TOKEN")
    api: Hub = HfApi(token=token, library_name="paretune")
    return api


def publish(hub: Hub, uploads: Sequence[Upload], *, private: bool, message: str) -> list[Published]:
    """Upload folders in their order and return where they are.

    All repositories are looked at before the first one is changed. Raises `InputError` for one that is there and was
    not published by Paretune, for a public one where `private` is asked for, and for what the Hub refuses.
    """
    there = look_up(hub, uploads, private=private)
    done: list[Published] = []
    for upload, info in zip(uploads, there, strict=True):
        with _in_one_line(upload, done):
            address = hub.create_repo(
                upload.name,
                repo_type=upload.kind,
                private=True if private else None,
                space_sdk="static" if upload.kind == "space" else None,
                exist_ok=True,
            )
            hub.upload_folder(
                repo_id=upload.name,
                repo_type=upload.kind,
                folder_path=upload.folder,
                commit_message=message,
                delete_patterns=_REPLACED[upload.kind],
            )
        done.append(Published(upload, str(address), private or bool(info is not None and info.private)))
    return done


def look_up(hub: Hub, uploads: Sequence[Upload], *, private: bool) -> list[Any | None]:
    """Return what is known of each repository that is there. Changes nothing. Raises `InputError` as `publish` does."""
    there = [_existing(hub, upload) for upload in uploads]
    for upload, info in zip(uploads, there, strict=True):
        if info is not None:
            _check_existing(upload, info, private=private)
    return there


def _existing(hub: Hub, upload: Upload) -> Any | None:
    """Return what is known of a repository that is there, or None."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with _in_one_line(upload, ()):
        try:
            return hub.repo_info(upload.name, repo_type=upload.kind)
        except RepositoryNotFoundError:
            return None


def _check_existing(upload: Upload, info: Any, *, private: bool) -> None:
    tags = {*(info.tags or ()), *((info.card_data or {}).get("tags") or ())}
    if TAG not in tags:
        raise InputError(
            f"{upload.words}: is there already and was not published by Paretune (its card has no tag {TAG}); choose "
            "another name, or delete it first"
        )
    if private and not info.private:
        raise InputError(
            f"{upload.words}: is there already and public; make it private in its settings, or leave --private out"
        )


@contextmanager
def _in_one_line(upload: Upload, done: Sequence[Published]) -> Iterator[None]:
    """Raise `InputError` for what the Hub or the network refuses, with what was uploaded before."""
    try:
        yield
    except Exception as error:  # the hub's client passes on the errors of its HTTP library
        reason = hub_refusal(error, upload)
        if reason is None:
            raise
        before = "".join(f"; uploaded before that: {one.upload.words}" for one in done)
        raise InputError(f"{upload.words}: {reason}{before}") from error


def hub_refusal(error: Exception, upload: Upload) -> str | None:
    """Say in a person's words why an upload ended, or return None where it is none of the known reasons."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "offline mode is on; unset HF_HUB_OFFLINE"
    if isinstance(error, HfHubHTTPError):
        return _answer_of_the_hub(error.response.status_code, error.server_message or str(error), upload)
    # The HTTP library is told by its name: the client has changed it before.
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.partition(".")[0] in _HTTP_LIBRARIES:
        return f"the Hub cannot be reached: {one_line(error)[:200]}; check the network and proxy settings"
    if isinstance(error, ValueError):
        return f"the Hub refuses it: {one_line(error)[:200]}"
    if isinstance(error, OSError | RuntimeError):
        return f"could not be uploaded: {one_line(error)[:200]}; run the same command again"
    return None


def _answer_of_the_hub(code: int, said: str, upload: Upload) -> str:
    owner = upload.name.partition("/")[0]
    match code:
        case 401:
            return "the Hub does not accept the token; log in again with hf auth login, or set HF_TOKEN"
        case 403:
            return f"this token may not write to {owner}; use one with write access, or an owner that is yours"
        case 404:
            return f"the Hub knows no owner {owner}, or this token may not see it; check the name"
    return f"the Hub answered with error {code}: {' '.join(said.split())[:200]}; try again later"
