"""A FastAPI service that answers by calling a Gradio app.

    GRADIO_URL=http://127.0.0.1:7860 uvicorn service:service

`POST /answer/predict` with `{"args": […]}` calls the app's `/predict` and gives `{"answer": …}`;
`POST /stream/predict` gives each value as a line of JSON, as soon as it comes.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, List

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError, UsageError, ValidationError

#: Seconds that an answer may take.
DEADLINE = float(os.environ.get("DEADLINE", "60"))


class Call(BaseModel):
    """The body of a request."""

    args: List[Any]


@asynccontextmanager
async def connected(service: FastAPI) -> AsyncIterator[None]:
    """One client for all requests; a service whose app is not there does not start."""
    async with Client.connect(os.environ["GRADIO_URL"], verbose=False) as client:
        service.state.client = client
        yield


service = FastAPI(lifespan=connected)


@service.exception_handler(GradioClientError)
async def refuse(_: Request, error: GradioClientError) -> JSONResponse:
    """The caller's mistake is a 422; what may go well later a 503; everything else a 502."""
    headers: Dict[str, str] = {}
    status = 422 if isinstance(error, (UsageError, ValidationError)) else 502
    if error.retryable:
        status = 503
        headers["retry-after"] = str(int(error.retry_after or 1))
    return JSONResponse({"detail": str(error)}, status, headers)


@service.post("/answer/{name}")
async def answer(request: Request, name: str, call: Call) -> JSONResponse:
    """The result. Past the deadline the job is cancelled, on the app's server too."""
    client: Client = request.app.state.client
    try:
        job = client.submit(
            *call.args, api_name=f"/{name}"
        )  # returns at once; wrong arguments are raised here
        return JSONResponse({"answer": await asyncio.wait_for(job, DEADLINE)})
    except asyncio.TimeoutError:
        return JSONResponse({"detail": f"no answer within {DEADLINE:g} seconds"}, 504)


@service.post("/stream/{name}")
async def stream(request: Request, name: str, call: Call) -> StreamingResponse:
    """Each value as it comes. Where the caller hangs up, the job is cancelled with the task that reads it."""
    client: Client = request.app.state.client
    messages = client.stream_messages(*call.args, api_name=f"/{name}")

    async def lines() -> AsyncIterator[str]:
        number = 0
        try:
            async for update in messages:
                # The last output is the result: of a generator its last value again.
                if update.type == "output" and not (update.final and number):
                    number += 1
                    yield json.dumps(update.outputs) + "\n"
        except GradioClientError as exc:
            yield json.dumps({"detail": str(exc)}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
