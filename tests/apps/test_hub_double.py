"""The test Hub is held to the real thing: huggingface_hub works against it and understands its refusals."""

from __future__ import annotations

import itertools
from typing import Any, Dict

import pytest
from spaces.answers import failed, rate_limited
from spaces.double import hang_up
from spaces.state import Space

from .hub_library import Library

ME: Dict[str, Any] = {"token": "hf_me"}
_numbers = itertools.count()


@pytest.fixture
def space(library: Library) -> Space:
    """A running public Space of this test's own, which belongs to "me"."""
    return library.hub.space(f"me/space-{next(_numbers)}", files={"README.md": b"---\ntitle: x\n---\n"})


def test_space_info_has_what_connecting_needs(library: Library, space: Space) -> None:
    info = library.result("space_info", repo_id=space.id, **ME)
    assert (info["id"], info["host"], info["sdk"], info["private"]) == (space.id, space.host, "gradio", False)
    assert info["runtime"]["stage"] == "RUNNING"
    assert info["siblings"] == ["README.md"]


def test_a_space_builds_then_runs(library: Library, space: Space) -> None:
    space.go("BUILDING", "APP_STARTING", "RUNNING")
    seen = [library.result("get_space_runtime", repo_id=space.id, **ME) for _ in range(4)]
    assert [runtime["stage"] for runtime in seen] == ["BUILDING", "APP_STARTING", "RUNNING", "RUNNING"]
    assert [runtime["hardware"] for runtime in seen] == [None, "cpu-basic", "cpu-basic", "cpu-basic"]


def test_whoami_names_the_account_and_its_organisations(library: Library) -> None:
    whoami = library.result("whoami", **ME)
    assert whoami["name"] == "me"
    assert "team" in whoami["orgs"]
    assert library.result("get_full_repo_name", model_id="x", **ME) == "me/x"


def test_duplicating_a_space(library: Library, space: Space) -> None:
    url = library.result(
        "duplicate_space",
        from_id=space.id,
        to_id=f"{space.id}-copy",
        private=True,
        hardware="t4-small",
        sleep_time=300,
        secrets=[{"key": "S", "value": "s"}],
        variables=[{"key": "V", "value": "v"}],
        **ME,
    )
    assert url == f"{library.hub.url}/spaces/{space.id}-copy"
    copy = library.hub.spaces[f"{space.id}-copy"]
    assert (copy.private, copy.hardware, copy.sleep_time) == (True, "t4-small", 300)
    assert copy.secrets == {"S": {"key": "S", "value": "s"}}
    assert copy.variables == {"V": {"key": "V", "value": "v"}}
    assert copy.files == space.files


def test_a_copy_that_is_there_is_a_conflict(library: Library, space: Space) -> None:
    arguments = {"from_id": space.id, "to_id": f"{space.id}-again", **ME}
    url = library.result("duplicate_space", **arguments)
    assert library.result("duplicate_space", exist_ok=True, **arguments) == url
    refused = library.ask("duplicate_space", **arguments)
    assert "409" in refused["message"]
    assert "You already created this space repo" in refused["message"]


def test_a_space_can_be_created_twice_if_that_is_asked_for(library: Library, space: Space) -> None:
    arguments = {"repo_id": f"{space.id}-new", "repo_type": "space", "space_sdk": "gradio", "private": True}
    url = library.result("create_repo", **arguments, **ME)
    assert url == f"{library.hub.url}/spaces/{space.id}-new"
    assert library.hub.spaces[f"{space.id}-new"].private
    assert library.result("create_repo", exist_ok=True, **arguments, **ME) == url
    assert "409" in library.ask("create_repo", **arguments, **ME)["message"]


def test_secrets_and_variables(library: Library, space: Space) -> None:
    library.result("add_space_secret", repo_id=space.id, key="S", value="s", description="d", **ME)
    variables = library.result("add_space_variable", repo_id=space.id, key="V", value="v", **ME)
    assert list(variables) == ["V"]
    assert space.secrets == {"S": {"key": "S", "value": "s", "description": "d"}}
    library.result("delete_space_variable", repo_id=space.id, key="V", **ME)
    assert library.result("get_space_variables", repo_id=space.id, **ME) == {}


def test_hardware_comes_with_a_rebuild(library: Library, space: Space) -> None:
    asked = library.result("request_space_hardware", repo_id=space.id, hardware="t4-small", **ME)
    assert asked["requested_hardware"] == "t4-small"
    assert (asked["stage"], asked["hardware"]) == ("RUNNING_BUILDING", "cpu-basic")
    library.result("get_space_runtime", repo_id=space.id, **ME)
    assert library.result("get_space_runtime", repo_id=space.id, **ME)["hardware"] == "t4-small"


def test_sleep_time_of_paid_hardware(library: Library, space: Space) -> None:
    space.hardware = "t4-small"
    assert library.result("set_space_sleep_time", repo_id=space.id, sleep_time=300, **ME)["sleep_time"] == 300


def test_pausing_and_restarting(library: Library, space: Space) -> None:
    assert library.result("pause_space", repo_id=space.id, **ME)["stage"] == "PAUSED"
    assert library.result("restart_space", repo_id=space.id, **ME)["stage"] == "APP_STARTING"
    assert library.result("restart_space", repo_id=space.id, factory_reboot=True, **ME)["stage"] == "BUILDING"


def test_committing_files_and_reading_them_back(library: Library, space: Space) -> None:
    files = {"app.py": "print('é')\n", "requirements.txt": "gradio\n"}
    info = library.result("commit", repo_id=space.id, files=files, message="Deploy", **ME)
    assert info["commit_url"].startswith(f"{library.hub.url}/spaces/{space.id}/commit/")
    assert space.commits[0]["summary"] == "Deploy"
    assert space.files["app.py"].decode() == files["app.py"]
    assert space.stage == "BUILDING"
    assert library.result("read_file", repo_id=space.id, filename="app.py", **ME) == files["app.py"]


def test_the_metadata_of_a_readme_can_be_changed(library: Library, space: Space) -> None:
    arguments = {"repo_id": space.id, "repo_type": "space", "metadata": {"tags": ["gradio-discord-bot"]}}
    library.result("metadata_update", **arguments, **ME)
    assert b"- gradio-discord-bot" in space.files["README.md"]


def test_a_file_that_is_not_there(library: Library, space: Space) -> None:
    answer = library.ask("read_file", repo_id=space.id, filename="nothing.txt", **ME)
    assert "EntryNotFoundError" in answer["bases"]


def test_a_renamed_space_is_found_by_its_old_name(library: Library, space: Space) -> None:
    old, new = space.id, f"{space.id}-renamed"
    library.hub.rename(old, new)
    assert library.result("space_info", repo_id=old, **ME)["id"] == new
    library.result("add_space_secret", repo_id=old, key="S", value="s", **ME)
    assert "S" in space.secrets


@pytest.mark.parametrize("token", ["hf_me", False], ids=["with a token", "without"])
@pytest.mark.parametrize("space_id", ["nobody/nothing", "other/private"])
@pytest.mark.parametrize("operation", ["space_info", "get_space_runtime"])
def test_what_is_missing_or_private_is_not_found(
    library: Library, space_id: str, operation: str, token: Any
) -> None:
    library.hub.spaces.pop("other/private", None)
    library.hub.space("other/private", private=True)
    answer = library.ask(operation, repo_id=space_id, token=token)
    assert answer["error"] == "RepositoryNotFoundError"


def test_a_token_of_nobody(library: Library, space: Space) -> None:
    answer = library.ask("space_info", repo_id=space.id, token="hf_nobody")
    assert "RepositoryNotFoundError" not in answer["bases"]
    assert "HfHubHTTPError" in answer["bases"]
    assert "Invalid credentials in Authorization header" in answer["message"]
    assert "Invalid user token" in library.ask("whoami", token="hf_nobody")["message"]


def test_gated_and_disabled_spaces(library: Library, space: Space) -> None:
    space.id = "me/gated"
    other = library.hub.space(f"other/gated-{next(_numbers)}", gated=True)
    assert library.ask("space_info", repo_id=other.id, **ME)["error"] == "GatedRepoError"
    other.gated, other.disabled = False, True
    assert library.ask("space_info", repo_id=other.id, **ME)["error"] == "DisabledRepoError"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("duplicate_space", {"from_id": "other/free", "to_id": "other/copy"}),
        ("create_repo", {"repo_id": "other/new", "repo_type": "space", "space_sdk": "gradio"}),
        ("add_space_secret", {"repo_id": "other/free", "key": "K", "value": "v"}),
        ("restart_space", {"repo_id": "other/free"}),
        ("commit", {"repo_id": "other/free", "files": {"a": "b"}, "message": "m"}),
    ],
)
def test_what_is_not_ours_to_change(library: Library, operation: str, arguments: Dict[str, Any]) -> None:
    library.hub.spaces.pop("other/free", None)
    library.hub.space("other/free")
    answer = library.ask(operation, **arguments, **ME)
    assert "403" in answer["message"]
    assert "You don't have the rights to" in answer["message"]


def test_a_token_that_may_only_read(library: Library, space: Space) -> None:
    arguments = {"from_id": space.id, "to_id": "reader/copy", "token": "hf_reader"}
    assert "403" in library.ask("duplicate_space", **arguments)["message"]


def test_errors_carry_a_request_id(library: Library, space: Space) -> None:
    answer = library.ask("space_info", repo_id="nobody/nothing", **ME)
    assert "(Request ID: Root=1-" in answer["message"]


def test_a_scripted_outcome_comes_once(library: Library, space: Space) -> None:
    library.hub.next("GET", f"/api/spaces/{space.id}", failed(503))
    assert "503" in library.ask("space_info", repo_id=space.id, **ME)["message"]
    assert library.result("space_info", repo_id=space.id, **ME)["id"] == space.id


def test_rate_limits_are_understood(library: Library, space: Space) -> None:
    library.hub.next("GET", f"/api/spaces/{space.id}", rate_limited(7))
    message = library.ask("space_info", repo_id=space.id, **ME)["message"]
    assert "429" in message
    if "-0." not in library.name:  # 0.36 does not read the header
        assert "Retry after 7 seconds" in message


def test_connections_can_be_dropped(library: Library, space: Space) -> None:
    library.hub.next("POST", f"/api/spaces/{space.id}/restart", hang_up)
    assert "error" in library.ask("restart_space", repo_id=space.id, **ME)
