from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any, Dict

import pytest

from gradio_client_lite.wire.provenance import (
    FileArgument,
    Origin,
    ResultFile,
    ResultPath,
    V3File,
    content_url,
    origin_of,
)

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
FILE: Dict[str, Any] = {"path": "/srv/x", "url": None, "meta": {"_type": "gradio.FileData"}}
SRC = "http://host/"


class TestResultPath:
    def path(self) -> ResultPath:
        return ResultPath("/tmp/a b", Origin(SRC, FILE))

    def test_it_is_the_path_to_everybody_else(self) -> None:
        path = self.path()
        assert path == "/tmp/a b"
        assert hash(path) == hash("/tmp/a b")
        assert {path: 1} == {"/tmp/a b": 1}
        assert (repr(path), f"{path}", json.dumps([path])) == ("'/tmp/a b'", "/tmp/a b", '["/tmp/a b"]')
        assert Path(path) == Path("/tmp/a b")
        assert os.fspath(path) == "/tmp/a b"

    def test_a_copy_knows_as_much(self) -> None:
        path = self.path()
        history = [{"files": [path]}]
        assert copy.deepcopy(history)[0]["files"][0].origin is path.origin
        assert copy.copy(path).origin is path.origin

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_it_pickles_as_a_text(self, protocol: int) -> None:
        loaded = pickle.loads(pickle.dumps(self.path(), protocol))
        assert (type(loaded), loaded) == (str, "/tmp/a b")

    @pytest.mark.parametrize("make", [str, lambda path: path + "", lambda path: path[:], os.path.abspath])
    def test_a_text_made_from_it_is_only_a_text(self, make: Any) -> None:
        made = make(self.path())
        assert made == "/tmp/a b"
        assert made is self.path() or not hasattr(made, "origin")


class TestResultFile:
    def file(self) -> ResultFile:
        return ResultFile.of(FILE, Origin(SRC, FILE), lambda: "home")

    def test_it_is_the_dict_to_everybody_else(self) -> None:
        file = self.file()
        assert file == FILE
        assert (repr(file), json.dumps(file)) == (repr(FILE), json.dumps(FILE))

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda file: file.copy()])
    def test_a_copy_knows_as_much(self, make: Any) -> None:
        copied = make(self.file())
        assert copied == FILE
        assert (copied.origin, copied.file, copied.home()) == (Origin(SRC, FILE), FILE, "home")
        copied["path"] = "/other"
        assert copied.file == self.file() == FILE

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_a_pickle_leaves_the_client_behind(self, protocol: int) -> None:
        loaded = pickle.loads(pickle.dumps(self.file(), protocol))
        assert (loaded, loaded.origin, loaded.home) == (FILE, Origin(SRC, FILE), None)

    @pytest.mark.parametrize("make", [dict, ResultFile, lambda file: {**file}, lambda file: file | {}])
    def test_what_is_built_anew_is_an_ordinary_dict(self, make: Any) -> None:
        made = make(dict(self.file()))
        assert made == FILE
        assert getattr(made, "origin", None) is None


class TestFileArgument:
    def test_changing_a_deep_copy_changes_nothing_else(self) -> None:
        file = FileArgument.of(FILE, "source")
        copied = copy.deepcopy(file)
        copied["meta"]["_type"] = "other"
        assert (file, copied.source) == (FILE, "source")


class TestOriginOf:
    @pytest.mark.parametrize(
        ("file", "given"),
        [
            (FILE, FILE),
            ({**FILE, "is_stream": True}, None),
            (V3File.of(FILE, "raw"), "raw"),
            (V3File.of({**FILE, "is_stream": True}, "raw"), None),
            (V3File.of({**FILE, "url": "data:,a"}, "data:,a"), None),
        ],
    )
    def test_what_the_server_takes_back(self, file: Any, given: Any) -> None:
        assert origin_of(file, SRC) == (SRC, given)

    def test_content_that_came_within_a_result(self) -> None:
        assert content_url(V3File.of({**FILE, "url": "data:,a"}, None)) == "data:,a"
        assert content_url({**FILE, "url": "data:,a"}) is None
        assert content_url(V3File.of({"path": "x"}, None)) is None
