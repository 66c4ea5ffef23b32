from __future__ import annotations

import contextlib
import gc
import json
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from app_of import FILE, app_of, component
from transport.peers import PeerServer, Request, always, answer

from gradio_client_lite.errors import ClientClosed, FolderError, InvalidFile
from gradio_client_lite.files.uploads import Uploads
from gradio_client_lite.jobs.attachments import Attachments
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.wire import filedata
from gradio_client_lite.wire.config import EndpointSpec
from gradio_client_lite.wire.copies import LONG
from gradio_client_lite.wire.filedata import Survey
from gradio_client_lite.wire.lifecycle import OutputLog
from gradio_client_lite.wire.messages import LARGE
from gradio_client_lite.wire.provenance import ResultFile, ResultPath

Made = Tuple[Attachments, EndpointSpec, PeerServer]
Make = Callable[..., Made]


def serve(request: Request) -> bytes:
    return answer(b'["/srv/up"]' if request.method == "POST" else b"content")


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes the attachments of a client of a server."""
    with contextlib.ExitStack() as stack:

        def run(folder: Any = False, headers: Any = None, **config: Any) -> Made:
            server = stack.enter_context(PeerServer(always(serve)))
            transport = Transport(base_url=server.url, trust_env=False, timeout=Timeout(10.0, 10.0))
            app = app_of(
                stack.enter_context(contextlib.closing(transport)), server.url, headers or {}, **config
            )
            attachments = Attachments(app, folder)
            return attachments, app.spec.endpoints[0], server

        yield run


def served(path: str = "/srv/x.txt", **fields: Any) -> Any:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **fields}


class OneJob:
    """What a job does with its results."""

    def __init__(self, attachments: Attachments, spec: EndpointSpec) -> None:
        self.look = attachments.learn(spec).look
        self.fetch = partial(attachments.read, spec, [])


def result(made: Made, *values: Any) -> List[Any]:
    attachments, spec, _ = made
    return OneJob(attachments, spec).fetch(list(values))


def survey(made: Made, *values: Any) -> Survey:
    attachments, spec, _ = made
    found = attachments.learn(spec).survey(values)
    if found.files:
        attachments.uploads().check(values, spec)
    return found


def test_files_that_are_left_know_where_they_are(make: Make) -> None:
    made = make()
    ((first,), second) = result(made, [served()], {"data": served()})
    assert isinstance(first, ResultFile)
    assert first.home is not None
    assert (first.origin, first.home()) == ((made[2].url, served()), made[0])
    assert type(second["data"]) is dict  # in JSON, which declares no files
    assert made[2].requests == []


def test_files_that_are_fetched_know_where_they_were(make: Make, tmp_path: Path) -> None:
    made = make(tmp_path)
    (path,) = result(made, served())
    assert isinstance(path, ResultPath)
    assert Path(path).read_bytes() == b"content"
    assert path.origin == (made[2].url, served())


def test_true_is_no_folder(make: Make) -> None:
    with pytest.raises(FolderError, match="must be the path of a folder, or False; it is True"):
        make(True)


def test_nothing_is_searched_where_nothing_can_hold_a_file(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [component(1, "textbox", api_info={"type": "string"}), component(2, "json", api_info={})]
    made = make(components=[*plain, component(3, "state", skip_api=True)])

    def search(*args: Any) -> Any:
        raise AssertionError("these values are not searched")

    monkeypatch.setattr(filedata, "_search", search)
    value = {"deep": [served()]}
    assert result(made, "text", value)[1] is value


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """The values that are searched for files."""
    found: List[Any] = []

    has_files = filedata.has_files

    def note(values: Any, *args: Any) -> bool:
        found.append(values)
        return has_files(values, *args)

    monkeypatch.setattr(filedata, "has_files", note)
    return found


def test_a_result_whose_text_mentions_no_file_is_not_searched(
    make: Make, tmp_path: Path, searched: List[Any]
) -> None:
    attachments, spec, _ = make(tmp_path)
    job = OneJob(attachments, spec)
    data = [[[1, "path"]] * 10]
    for text in (json.dumps(data), json.dumps(data).encode(), json.dumps(data) + " " * LARGE):
        outputs = job.look(data, text)
        assert outputs == (data, False)
        assert job.fetch(outputs) is data
    assert searched == []


def test_a_result_is_searched_once(make: Make, tmp_path: Path, searched: List[Any]) -> None:
    attachments, spec, server = make(tmp_path)
    job = OneJob(attachments, spec)
    data = [[served()], "gradio.FileData"]
    outputs = job.look(data, json.dumps(data))
    assert outputs == (data, True)
    ((path,), _) = job.fetch(outputs)
    assert Path(path).read_bytes() == b"content"
    assert len(searched) == len(server.requests) == 1
    assert job.look([1], "") == ([1], False)  # from edits, of which none needs to mention the whole word


def streamed(count: int) -> OutputLog:
    """A chat of so many messages, to which one with a file is added, and another."""
    log = OutputLog()
    log.append([["hi", {}] * count], diff=False)
    for number in range(2):
        log.append([[["append", [], [{"content": served(f"/srv/{number}.txt")}]]]], diff=True)
    return log


@pytest.mark.parametrize("count", [2, LONG])
def test_values_of_a_stream_have_their_files_fetched_once(make: Make, tmp_path: Path, count: int) -> None:
    attachments, spec, server = make(tmp_path)
    files, job, cursor = attachments.learn(spec), [], streamed(count).cursor()
    chats = []
    for _ in range(3):
        taken = cursor.take(files.is_file, files.holders)
        chats += attachments.read(spec, job, taken)
        cursor.copies.keep(taken)
    paths = [message["content"] for message in chats[2][2 * count :]]
    assert [type(path) for path in paths] == [ResultPath] * 2
    assert [chat[2 * count :] for chat in chats[:2]] == [[], [{"content": paths[0]}]]
    assert len(server.requests) == 2


@pytest.mark.parametrize("count", [2, LONG])
def test_files_of_a_stream_that_are_left_know_where_they_are(make: Make, count: int) -> None:
    attachments, spec, server = make()
    files, log = attachments.learn(spec), streamed(count)
    cursor = log.cursor()
    for _ in range(3):
        taken = cursor.take(files.is_file, files.holders)
        (chat,) = attachments.read(spec, [], taken)
        cursor.copies.keep(taken)
    first, last = (message["content"] for message in chat[2 * count :])
    assert type(first) is type(last) is ResultFile
    assert (first, last.origin.given) == (served("/srv/0.txt"), served("/srv/1.txt"))
    last["meta"].clear()
    assert log.values()[2][0][-1] == {"content": served("/srv/1.txt")}
    assert server.requests == []


def test_a_large_result_that_mentions_a_file_is_left_to_who_may_take_long(
    make: Make, tmp_path: Path, searched: List[Any]
) -> None:
    attachments, spec, server = make(tmp_path)
    data = [served(), "x" * LARGE]
    outputs = OneJob(attachments, spec).look(data, json.dumps(data))
    assert outputs == (data, None)
    assert searched == server.requests == []
    assert isinstance(OneJob(attachments, spec).fetch(outputs)[0], ResultPath)
    assert len(searched) == 1


def test_values_of_gradio_3_are_decoded_once(make: Make, tmp_path: Path) -> None:
    label = component(1, "label", api_info=None)
    attachments, spec, _ = make(tmp_path, components=[label], version="3.50.2", protocol="ws")
    job = OneJob(attachments, spec)
    data = [{"label": "a"}, {"label": "b"}]
    outputs = job.look(data, json.dumps(data))
    assert outputs.files is False
    assert outputs.data[0] == {"label": "a", "confidences": None}
    assert job.fetch(outputs) is outputs.data
    large = job.look(data, " " * LARGE)
    assert large == (data, None)
    assert job.fetch(large)[0] == outputs.data[0]


def test_values_that_hold_none_are_not_copied(make: Make) -> None:
    made = make()
    value = {"deep": [{"path": "/x"}]}
    data = [value, value]
    assert OneJob(made[0], made[1]).fetch(data) is data


def test_a_result_goes_from_app_to_app_with_the_credentials_of_its_own(make: Make) -> None:
    one = make(headers={"x-hf-authorization": "Bearer one"})
    other = make(headers={"x-hf-authorization": "Bearer other"})
    (file,) = result(one, served())
    assert survey(other, file).files
    (sent,) = other[0].uploads().upload([file], other[1], {})
    assert (sent["path"], sent["orig_name"]) == ("/srv/up", "x.txt")
    (fetched,), (uploaded,) = one[2].requests, other[2].requests
    assert fetched.path == "/gradio_api/file=/srv/x.txt"
    assert fetched.headers["x-hf-authorization"] == "Bearer one"
    assert uploaded.headers["x-hf-authorization"] == "Bearer other"
    assert b"content" in uploaded.body


def test_a_result_is_not_fetched_for_its_own_app(make: Make) -> None:
    made = make()
    (file,) = result(made, served())
    assert made[0].uploads().upload([file], made[1], {}) == [served()]
    assert made[2].requests == []


@pytest.mark.parametrize("how", ["closed", "gone"])
def test_a_result_of_a_client_that_is_no_more(make: Make, how: str) -> None:
    one, other = make(), make()
    (file,) = result(one, served())
    if how == "closed":
        one[0]._app.threads.close()
        with pytest.raises(ClientClosed):
            one[0].fetch(served())
    del one
    gc.collect()
    with pytest.raises(InvalidFile, match="Download it first"):
        survey(other, file)


def test_a_copy_on_its_way_leaves_nothing_on_disk(make: Make, tmp_path: Path) -> None:
    made = make()
    import tempfile

    before = tempfile.tempdir
    tempfile.tempdir = str(tmp_path)
    try:
        source = made[0].fetch(served())
    finally:
        tempfile.tempdir = before
    assert b"".join(source.read()) == b"content"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("schema", [FILE, None])
def test_a_result_goes_where_files_can_be(make: Make, schema: Any) -> None:
    kind = component(1, "stranger", **({} if schema is None else {"api_info": schema}))
    made = make(components=[kind, component(2, "textbox", api_info={"type": "string"})])
    (file,) = result(made, served())
    assert survey(made, file, file) == (True, False)
    assert made[0].uploads().upload([file, file], made[1], {})[0] is file.origin.given
    assert not survey(made, None, file).files


def test_uploads_without_a_client_know_no_other(make: Make) -> None:
    one, other = make(), make()
    (file,) = result(one, served())
    file.home = None
    with pytest.raises(InvalidFile):
        Uploads(other[0]._app).check([file], other[1])
