"""What a user's program may do, with the types that checkers are told.

pytest runs it; `tox -e types` has mypy and pyright look at it beside the built wheel, with nothing of this
repository in reach.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from typing_extensions import Literal, assert_type

import gradio_client_lite as gradio_client
from gradio_client_lite import (
    Client,
    FileData,
    Job,
    __version__,
    data_classes,
    exceptions,
    handle_file,
    utils,
)
from gradio_client_lite import client as official_client
from gradio_client_lite.errors import AppError, GradioClientError, HTTPStatusError, StreamLost
from gradio_client_lite.testing import App, Function, progress, serve
from gradio_client_lite.updates import (
    LogUpdate,
    OutputUpdate,
    ProgressUnit,
    ProgressUpdate,
    Status,
    StatusUpdate,
    Update,
)

TIMEOUT = 20.0  # seconds
VERSION: str = __version__


def shout(text: str) -> str:
    progress(1, 2)
    return text.upper()


def count(to: int) -> Iterator[int]:
    yield from range(to)


def fail() -> None:
    raise AppError("Sorry", title="No")


def app() -> App:
    return assert_type(serve({"/shout": Function(shout, concurrency=2), "/count": count, "/fail": fail}), App)


def test_the_client() -> None:
    with app() as served, Client(assert_type(served.url, str), verbose=False, timeout=TIMEOUT) as client:
        assert_type(client, Client)
        assert assert_type(client.predict("a", api_name="/shout"), Any) == "A"
        assert_type(client.src, str)
        assert_type(client.config, Dict[str, Any])
        assert_type(client.session_hash, str)
        assert_type(client.headers, Dict[str, str])
        assert_type(client.space_id, Optional[str])
        assert_type(client.token, Union[str, bool, None])
        assert_type(client.download_files, Union[str, Path, Literal[False]])
        assert_type(client.view_api(return_format="dict"), Union[Dict[str, Any], str, None])
        assert_type(client.close(), None)


def test_a_job() -> None:
    def done(job: concurrent.futures.Future[Any]) -> None:
        assert job.done()

    with app() as served, Client(served.url, verbose=False) as client:
        job = client.submit(3, api_name="/count", result_callbacks=[print])
        assert_type(job, Job)
        future: concurrent.futures.Future[Any] = job
        future.add_done_callback(done)
        assert_type(next(job), Any)
        assert_type(list(job), List[Any])
        assert_type(job.result(timeout=TIMEOUT), Any)
        assert_type(job.outputs(), List[Any])
        assert_type(job.exception(), Optional[BaseException])
        assert_type(job.status(), StatusUpdate)
        assert_type(job.logs(), List[LogUpdate])
        assert_type(job.cancel(), bool)
        assert_type(job.cancel(wait=1.0), bool)
        assert list(concurrent.futures.as_completed([job])) == [job]


def test_what_scripts_for_the_official_client_use() -> None:
    async def double(number: int) -> int:
        return 2 * number

    with app() as served, official_client.Client(served.url, verbose=False) as client:
        job = client.submit("a", api_name="/shout")
        assert_type(client.src_prefixed, str)
        assert_type(client.output_dir, str)
        assert_type(client.endpoints[0], official_client.Endpoint)
        assert_type(client.endpoints[0].dependency, Dict[str, Any])
        assert_type(client.endpoints[0].protocol, str)
        assert_type(job.future, official_client.Job)
        assert_type(job.communicator.job.outputs, List[Any])
        assert_type(job.communicator.job.latest_status, utils.StatusUpdate)
        assert_type(job.space_id, Optional[str])
        parameters: List[data_classes.ParameterInfo] = []
        assert utils.construct_args(parameters, (), {}) == []
        folder: str = official_client.DEFAULT_TEMP_DIR
        assert folder
        error: ValueError = exceptions.AppError("no")
        assert str(error) == "no"
        assert gradio_client.exceptions.AppError is exceptions.AppError
        assert_type(utils.handle_file(b"content"), Dict[str, Any])
        # Not called: the thread of the loop stays, and tests that follow count threads.
        assert callable(lambda: assert_type(utils.synchronize_async(double, 2), int))
        job.result(TIMEOUT)


def test_updates() -> None:
    with app() as served, Client(served.url, verbose=False) as client:
        for update in client.stream_messages("a", api_name="/shout"):
            assert_type(update, Update)
            if isinstance(update, LogUpdate):
                assert_type((update.message, update.level), Tuple[str, str])
            elif isinstance(update, ProgressUpdate):
                assert_type(update.progress_data, Optional[List[ProgressUnit]])
            elif isinstance(update, StatusUpdate):
                assert_type(update.code, Status)
                assert_type(update.rank, Optional[int])
                assert_type(update.eta, Optional[float])
                assert_type(update.time, Optional[datetime])
                assert update.code < Status.LOG
            else:
                assert_type(update, OutputUpdate)
                assert_type(update.final, bool)
                assert (update["outputs"], dict(update)["final"]) == ("A", True)


def test_updates_are_told_apart_by_their_type() -> None:
    with app() as served, Client(served.url, verbose=False) as client:
        for update in client.stream_messages(text="a", api_name="/shout", headers={"x-a": "1"}):
            if update.type == "output":
                assert_type(update, OutputUpdate)
                assert_type(update.type, Literal["output"])
            else:
                assert_type(update, StatusUpdate)
                assert_type(update.type, Literal["status"])


def test_connecting_in_the_background() -> None:
    async def call(url: str) -> Any:
        async with Client.connect(url, verbose=False) as client:
            assert_type(client, Client)
            async with assert_type(await Client.connect(url, verbose=False), Client) as another:
                return assert_type(await another.submit("a", api_name="/shout"), Any)

    with app() as served:
        connecting = Client.connect(served.url, verbose=False, timeout=TIMEOUT)
        future: concurrent.futures.Future[Client] = connecting
        assert_type(future.result(TIMEOUT), Client).close()
        assert assert_type(connecting.done(), bool)
        assert asyncio.run(call(served.url)) == "A"


def test_in_a_coroutine() -> None:
    async def call(client: Client) -> List[Any]:
        async for message in client.stream_messages("a", api_name="/shout"):
            assert_type(message, Update)
        job = client.submit("a", api_name="/shout")
        async for update in job:
            assert_type(update, Update)
        return [assert_type(await job, Any), await asyncio.wrap_future(job)]

    with app() as served, Client(served.url, verbose=False) as client:
        assert asyncio.run(call(client)) == ["A", "A"]


def test_errors() -> None:
    with app() as served, Client(served.url, verbose=False) as client:
        try:
            client.predict(api_name="/fail")
        except StreamLost as error:
            assert_type(error.event_ids, Tuple[str, ...])
        except HTTPStatusError as error:
            assert_type((error.status, error.url), Tuple[int, str])
        except AppError as error:
            assert_type(error.message, str)
            general: Union[GradioClientError, ValueError] = error
            assert str(general) == "Sorry"


def test_files(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"picture")
    named = handle_file(b"picture", name="photo.png", mime_type="image/png")
    assert assert_type(handle_file(photo), Dict[str, Any])["orig_name"] == named["orig_name"] == "photo.png"
    passed_on: FileData = {"path": "/a", "orig_name": "a", "meta": {"_type": "gradio.FileData"}}
    assert_type(passed_on.get("url"), Optional[str])
