"""The names that code imports from the official client's modules are here, and do the same."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from gradio_client_lite.compat import finder as compat
from gradio_client_lite.embed import vendoring

from .environments import official_client_python
from .pins import OFFICIAL_CLIENTS

Json = Dict[str, Any]

pytestmark = pytest.mark.whole

_WORKER = Path(__file__).with_name("helper_worker.py")
_MARK = {"_type": "gradio.FileData"}

#: What existing code imports, by the module it imports it from.
NAMES: Dict[str, List[str]] = {
    "gradio_client": ["Client", "FileData", "__version__", "file", "handle_file"],
    "gradio_client.client": ["Client", "DEFAULT_TEMP_DIR", "Endpoint", "Job"],
    "gradio_client.exceptions": ["AppError", "AuthenticationError", "SerializationSetupError"],
    "gradio_client.data_classes": ["FileData", "ParameterInfo"],
    "gradio_client.utils": [
        "InvalidAPIEndpointError",
        "OutputUpdate",
        "ProgressUnit",
        "QueueError",
        "ServerMessage",
        "SpaceDuplicationError",
        "Status",
        "StatusUpdate",
        "TooManyRequestsError",
        "apply_diff",
        "construct_args",
        "decode_base64_to_binary",
        "decode_base64_to_file",
        "encode_file_to_base64",
        "encode_url_or_file_to_base64",
        "encode_url_to_base64",
        "file",
        "get_extension",
        "get_mimetype",
        "handle_file",
        "is_file_obj",
        "is_file_obj_with_meta",
        "is_http_url_like",
        "json_schema_to_python_type",
        "sanitize_parameter_names",
        "strip_invalid_filename_characters",
        "synchronize_async",
        "traverse",
    ],
}

#: Functions that release 2 changed, and that are here as they are there.
CHANGED_IN_2 = {"get_mimetype", "strip_invalid_filename_characters", "json_schema_to_python_type"}

_PARAMETERS = [
    {"parameter_name": "a"},
    {"parameter_name": "b", "parameter_has_default": True, "parameter_default": 2},
    {"label": "no name", "parameter_has_default": True, "parameter_default": None},
]


def case(call: str, *args: Any, **kwargs: Any) -> Json:
    return {"call": call, "args": list(args), "kwargs": kwargs}


def cases(folder: Path) -> List[Json]:
    """Every helper, with what it is made for and what lies at the edges."""
    picture = folder / "p ï.png"
    picture.write_bytes(b"\x89PNG\r\n")
    unknown = folder / "no_extension"
    unknown.write_bytes(b"")
    text_url = "data:text/plain;base64," + base64.b64encode("ünï".encode()).decode()
    edits = [["replace", ["a", 1, "n"], 2], ["add", ["a", 0], "y"], ["delete", ["d"], None]]
    nested = {"a": ["x", {"path": "p", "n": 1}], "b": {"c": [{"path": "q"}]}, "d": None}
    return [
        *[case("get_mimetype", name) for name in ("a.png", "A.VTT", "a.webp", "a.wav", "a.flac", "a", "")],
        *[case("get_mimetype", url) for url in ("https://x.test/a/b.jpg", "a.tar.gz", "/a.b/c")],
        *[case("get_extension", f"data:{type_};base64,AAAA") for type_ in ("image/png", "text/html", "a/b")],
        *[case("get_extension", f"data:audio/{kind};base64,AAAA") for kind in ("wav", "x-wav", "flac")],
        *[case("get_extension", text) for text in ("image/png", "", "AAAA")],
        *[
            case("is_http_url_like", value)
            for value in ("http://a", "https://", "HTTP://a", "ftp://a", "", 3)
        ],
        case("is_http_url_like", None),
        *[case("is_file_obj", value) for value in ({"path": "a"}, {"path": None}, {}, [], "a")],
        case("is_file_obj_with_meta", {"path": "a", "meta": _MARK}),
        case("is_file_obj_with_meta", {"path": "a", "meta": {}}),
        case("is_file_obj_with_meta", {"path": 1, "meta": _MARK}),
        case("is_file_obj_with_meta", {"meta": _MARK}),
        case("is_file_obj_with_meta", "a"),
        case("encode_file_to_base64", str(picture)),
        case("encode_file_to_base64", str(unknown)),
        case("encode_file_to_base64", str(folder / "missing")),
        case("encode_url_or_file_to_base64", str(picture)),
        case("decode_base64_to_binary", text_url),
        case("decode_base64_to_binary", "aGVs\nbG8="),
        case("decode_base64_to_binary", "data:image/png;base64,"),
        case("decode_base64_to_binary", "data:image/png;base64,A"),
        case("decode_base64_to_file", text_url, dir=str(folder)),
        case("decode_base64_to_file", text_url, "some/folder/name.tar.gz", str(folder)),
        case("decode_base64_to_file", text_url, file_path="name", dir=str(folder)),
        case("decode_base64_to_file", "aGVsbG8=", dir=str(folder), prefix="a/b!c"),
        case("decode_base64_to_file", text_url, "name.bin", str(folder), "begin"),
        *[
            case("strip_invalid_filename_characters", name)
            for name in ("a.png", "ä (1).png", "a/b\\c.txt", "..", "", "con.txt", "x" * 300 + ".png", "a. ")
        ],
        case("strip_invalid_filename_characters", "ü" * 20 + ".png", 12),
        case("strip_invalid_filename_characters", "a" * 20, max_bytes=5),
        *[case("sanitize_parameter_names", name) for name in ("Your Name!", "a_b", "Größe 2", "!?", "")],
        case("traverse", nested, {"function": "in brackets"}, {"function": "is a dict with a path"}),
        case("traverse", nested, {"function": "in brackets"}, {"function": "is a string"}),
        case("traverse", nested, {"function": "in brackets"}, {"function": "is the root"}),
        case("traverse", [], {"function": "in brackets"}, {"function": "is a string"}),
        case("apply_diff", "a", [["append", [], "b"]]),
        case("apply_diff", nested, edits),
        case("apply_diff", nested, []),
        case("construct_args", None, [1, 2], {}),
        case("construct_args", _PARAMETERS, [1], {}),
        case("construct_args", _PARAMETERS, [], {"a": 1, "b": None}),
        case("construct_args", _PARAMETERS, [1, 2, 3, 4], {}),
        case("construct_args", _PARAMETERS, [], {}),
        case("construct_args", _PARAMETERS, [1], {"a": 2}),
        case("construct_args", _PARAMETERS, [1], {"z": 2}),
        case("construct_args", parameters_info=_PARAMETERS, args=[1], kwargs={"b": 3}),
        *[
            case("json_schema_to_python_type", schema)
            for schema in (
                {"type": "array", "items": {"type": "string"}},
                {"enum": ["a", "b"]},
                {"anyOf": [{"type": "number"}, {"type": "null"}]},
                {"type": "object", "properties": {"a": {"type": "integer", "description": "how many"}}},
                {"$ref": "#/$defs/A", "$defs": {"A": {"const": 3}}},
                {},
            )
        ],
        case("handle_file", str(picture)),
        case("handle_file", "https://x.test/a/b.jpg"),
        case("handle_file", str(folder / "missing")),
        case("file", str(picture)),
        *[
            case("Status.msg_to_status", message)
            for message in ("estimation", "process_completed", "log", "no")
        ],
        case("Status.msg_to_status", "Server stopped unexpectedly."),
        *[case("ServerMessage", message) for message in ("process_generating", "close_stream", "no")],
        case("ProgressUnit.from_msg", []),
    ]


@pytest.fixture(scope="module")
def helpers() -> Iterator[Any]:
    """The worker, imported here, with our names in the place of the official ones."""
    compat.install()
    sys.path.insert(0, str(_WORKER.parent))
    try:
        import helper_worker

        yield helper_worker
    finally:
        sys.path.remove(str(_WORKER.parent))
        for name in ("helper_worker", "oracle_worker"):
            sys.modules.pop(name, None)
        compat.uninstall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("helpers")


@pytest.fixture(scope="module", params=list(OFFICIAL_CLIENTS))
def official(request: pytest.FixtureRequest, folder: Path) -> Json:
    """What the official client makes of the cases; "version" is its release."""
    asked = {"cases": cases(folder), "names": NAMES}
    done = subprocess.run(
        [official_client_python(request.param), str(_WORKER)],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "version": request.param}


def test_helpers_give_the_official_results(helpers: Any, official: Json, folder: Path) -> None:
    asked = cases(folder)
    ours = json.loads(json.dumps(helpers.outcomes(asked)))
    assert len(asked) == len(ours) == len(official["outcomes"])
    changed = CHANGED_IN_2 if official["version"].startswith("1.") else set()
    differing = [
        (each, mine, theirs)
        for each, mine, theirs in zip(asked, ours, official["outcomes"])
        if each["call"] not in changed and not same(mine, theirs)
    ]
    assert differing == []


def same(ours: Json, official: Json) -> bool:
    """Equal, or an error that whoever catches the official one catches."""
    if "error" in ours and "error" in official:
        return official["error"][0] in ours["error"]
    return ours == official


def test_helpers_have_the_official_signatures(helpers: Any, official: Json) -> None:
    ours = json.loads(json.dumps(helpers.signatures(NAMES)))
    assert ours.keys() == official["signatures"].keys()
    differing = {
        name: (mine, official["signatures"][name])
        for name, mine in ours.items()
        if not begins_with(mine, official["signatures"][name])
    }
    assert differing == {}


def begins_with(ours: List[Any], official: List[Any]) -> bool:
    """Functions of ours may take more, by name; errors may have more bases."""
    return all(item in ours for item in official) and [item for item in ours if item in official] == official


BOTH = """
import sys
sys.path.insert(0, sys.argv[1])
from host.client import Client, compat, errors
compat.install()
import gradio_client.utils
assert gradio_client.Client is Client
compat.uninstall()
import gradio_client.utils
assert gradio_client.Client is not Client and gradio_client.utils.__file__
try:
    compat.install()
except errors.CompatibilityError as error:
    assert gradio_client.__file__ in str(error)
    print("refused")
"""


@pytest.mark.parametrize("version", list(OFFICIAL_CLIENTS))
def test_name_is_taken_from_an_installed_official_client_and_given_back(version: str, tmp_path: Path) -> None:
    vendoring.vendor(tmp_path / "host", name="client", without=["websocket"])
    done = subprocess.run(
        [official_client_python(version), "-I", "-c", BOTH, str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("refused\n", 0), done.stderr
