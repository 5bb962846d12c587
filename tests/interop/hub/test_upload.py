"""Uploads change nothing that is not ours, and end in one line."""

from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from paretune.interop.hub.upload import Upload, checked_name, logged_in_hub, publish
from paretune.spec import InputError
from tests.interop.hub.fake_hub import FakeHub, refusal


@pytest.fixture
def uploads(tmp_path: Path) -> list[Upload]:
    (tmp_path / "README.md").write_text("---\n---\n")
    return [Upload("dataset", "me/a-records", tmp_path), Upload("space", "me/a", tmp_path)]


@pytest.mark.parametrize("private", [True, False])
def test_the_data_set_comes_first_and_the_space_is_static(uploads: list[Upload], private: bool) -> None:
    hub = FakeHub()
    done = publish(hub, uploads, private=private, message="Results of x")
    wanted = private or None
    assert hub.created == [
        {"name": "me/a-records", "kind": "dataset", "private": wanted, "sdk": None},
        {"name": "me/a", "kind": "space", "private": wanted, "sdk": "static"},
    ]
    assert [(one.address, one.private) for one in done] == [
        ("https://hub.example/datasets/me/a-records", private),
        ("https://hub.example/spaces/me/a", private),
    ]
    assert set(hub.files["space", "me/a"]) == {"README.md"}
    assert hub.messages == ["Results of x"] * 2


def test_what_is_there_is_replaced_where_it_is_ours_alone(uploads: list[Upload]) -> None:
    hub = FakeHub([("dataset", "me/a-records", True, ["paretune"])])
    assert [one.private for one in publish(hub, uploads, private=False, message="x")] == [True, False]
    other = FakeHub([("space", "me/a", True, ["game"])])
    with pytest.raises(InputError, match="Space me/a: is there already and was not published by Paretune"):
        publish(other, uploads, private=False, message="x")
    assert other.created == [], "nothing was changed, the data set neither"


def test_private_results_do_not_go_to_a_public_place(uploads: list[Upload]) -> None:
    hub = FakeHub([("dataset", "me/a-records", False, ["paretune"])])
    with pytest.raises(InputError, match="data set me/a-records: is there already and public"):
        publish(hub, uploads, private=True, message="x")
    assert hub.created == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refusal(401), "does not accept the token; log in again with hf auth login"),
        (refusal(403), "may not write to me; use one with write access"),
        (refusal(404), "knows no owner me"),
        (refusal(500), "answered with error 500: refused"),
        (httpx2.ConnectError("no route\nto host"), "cannot be reached: no route to host; check the network"),
        (OfflineModeIsEnabled("x"), "offline mode is on; unset HF_HUB_OFFLINE"),
        (
            ValueError("Invalid metadata in README.md.\n- license"),
            "refuses it: Invalid metadata in README.md. - license",
        ),
        (RuntimeError("broke"), "could not be uploaded: broke"),
    ],
)
def test_what_the_hub_refuses_is_one_line(uploads: list[Upload], error: Exception, said: str) -> None:
    with pytest.raises(InputError) as raised:
        publish(FakeHub(error=error), uploads, private=False, message="x")
    (line,) = raised.value.problems
    assert line.startswith("data set me/a-records: ")
    assert said in line


def test_what_was_uploaded_before_an_error_is_said(uploads: list[Upload]) -> None:
    class FullHub(FakeHub):
        def create_repo(self, repo_id: str, **how: object) -> str:
            if how["repo_type"] == "space":
                raise refusal(403)
            return super().create_repo(repo_id, **how)  # type: ignore[arg-type]

    with pytest.raises(InputError, match=r"; uploaded before that: data set me/a-records$"):
        publish(FullHub(), uploads, private=False, message="x")


def test_an_error_of_our_own_is_not_hidden(uploads: list[Upload]) -> None:
    with pytest.raises(KeyError):
        publish(FakeHub(error=KeyError("x")), uploads, private=False, message="x")


@pytest.mark.parametrize("name", ["", "me", "me/", "/a", "a/b/c", "me/a b", "me/a--b", "me/a.git", "../a", "me/ä"])
def test_names_of_a_wrong_form_are_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"^--space ") as raised:
        checked_name("--space", name)
    assert len(raised.value.problems) == 1
    assert checked_name("--space", "me/a-1.b_c") == "me/a-1.b_c"


def test_without_a_token_it_says_how_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(InputError, match="log in with hf auth login, or set HF_TOKEN"):
        logged_in_hub()
