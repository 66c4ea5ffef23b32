"""An AWS Lambda function that calls a Gradio app.

Environment:
    GRADIO_URL: the app.
    GRADIO_TOKEN: Hugging Face token for it; none is sent without.

Event:
    {"api_name": "/predict", "args": […], "kwargs": {…}}; both lists of arguments may be left out.

The answer is {"result": …}. An error of the app or of the network becomes the function's error.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import TimeoutError as WaitTimeout
from typing import TYPE_CHECKING, Any, Dict, Optional

from gradio_client_lite import Client

if TYPE_CHECKING:
    from gradio_client_lite import Job

#: Seconds kept back from the function's time, for cancelling a call and for the answer.
_RESERVE = 1.0

# Lives as long as the execution environment: warm invocations find their connections open, or, if the server
# closed them while the environment was frozen, have them replaced.
_client: Optional[Client] = None


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Make one call, within the time that is left to this invocation."""
    ends = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE
    api_name = event["api_name"]
    client = _connected(ends - time.monotonic())
    job = client.submit(*event.get("args", ()), api_name=api_name, **event.get("kwargs", {}))
    try:
        return {"result": job.result(max(ends - time.monotonic(), 0))}
    except WaitTimeout:
        _cancel(job)
        raise TimeoutError(
            f"{api_name} gave no result in the time of this invocation; it was cancelled."
        ) from None


def _connected(left: float) -> Client:
    """The client, connected by the first invocation; a failed attempt is made again by the next.

    Not connected while the module is imported: an app that is down would keep the environment from starting.
    """
    global _client
    if _client is None:
        # Neither connecting nor a silent server may use up all the time; half for each.
        limits = {"timeout": max(left / 2, _RESERVE)}
        token = os.environ.get("GRADIO_TOKEN") or False  # nor that of HF_TOKEN
        _client = Client(os.environ["GRADIO_URL"], token=token, verbose=False, httpx_kwargs=limits)
    return _client


def _cancel(job: Job) -> None:
    """Stop a job, here at once, and on the server if it answers in time.

    Nothing of it goes on in a frozen environment, and the next invocation begins without it.
    """
    cancelling = threading.Thread(target=job.cancel, daemon=True)
    cancelling.start()
    cancelling.join(_RESERVE / 2)
