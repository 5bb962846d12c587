"""A Hub that keeps what it is given, in place of `huggingface_hub.HfApi`."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError


def refusal(code: int, kind: type[HfHubHTTPError] = HfHubHTTPError) -> HfHubHTTPError:
    """Return the error that the client raises for an answer of the Hub."""
    response = httpx2.Response(code, request=httpx2.Request("POST", "https://hub.example/api"))
    return kind("refused\nin two lines", response=response, server_message="refused")


class FakeHub:
    """Holds repositories by kind and name, and the files of each."""

    def __init__(self, there: Sequence[tuple[str, str, bool, list[str]]] = (), error: Exception | None = None) -> None:
        """`there` are kind, name, whether it is private and the tags; `error` is what every upload raises."""
        self.repositories: dict[tuple[str, str], Any] = {
            (kind, name): SimpleNamespace(private=private, tags=[], card_data={"tags": tags})
            for kind, name, private, tags in there
        }
        self.files: dict[tuple[str, str], dict[str, bytes]] = {}
        self.created: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self._error = error

    def repo_info(self, repo_id: str, *, repo_type: str) -> Any:
        if (repo_type, repo_id) not in self.repositories:
            raise refusal(404, RepositoryNotFoundError)
        return self.repositories[repo_type, repo_id]

    def create_repo(
        self, repo_id: str, *, repo_type: str, private: bool | None, space_sdk: str | None, exist_ok: bool
    ) -> str:
        assert exist_ok
        self.created.append({"name": repo_id, "kind": repo_type, "private": private, "sdk": space_sdk})
        return f"https://hub.example/{repo_type}s/{repo_id}"

    def upload_folder(
        self, *, repo_id: str, repo_type: str, folder_path: Path, commit_message: str, delete_patterns: Any
    ) -> None:
        if self._error is not None:
            raise self._error
        files = [path for path in folder_path.rglob("*") if path.is_file()]
        self.files[repo_type, repo_id] = {str(path.relative_to(folder_path)): path.read_bytes() for path in files}
        self.messages.append(commit_message)
