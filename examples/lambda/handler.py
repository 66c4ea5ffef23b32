"""An AWS Lambda function that calls a Gradio app.

Environment:
    GRADIO_URL: the app's URL, or its Hugging Face Space, "owner/name".
    GRADIO_TOKEN: Hugging Face token for it; none is sent without.
    GRADIO_USER, GRADIO_PASSWORD: who logs in, where the app has a login.
    GRADIO_SECRET: a secret of AWS Secrets Manager in the place of these three: a JSON object with "token", or
        "user" and "password". It is read through the AWS Parameters and Secrets Lambda Extension.

Event:
    {"api_name": "/predict", "args": […], "kwargs": {…}}; both lists of arguments may be left out.

The answer is {"result": …}. An error of the app or of the network becomes the function's error. All of it
takes no longer than the invocation has left, less the second that is kept back (see `RESERVE`).
"""

from __future__ import annotations

import http.client
import json
import os
import time
from concurrent.futures import TimeoutError as WaitTimeout
from typing import Any, Dict, Optional
from urllib.parse import quote

from gradio_client_lite import Client
from gradio_client_lite.errors import AuthenticationError

#: Seconds of an invocation that are kept back: up to half of them for cancelling, the rest for the answer.
RESERVE = 1.0

# Lives as long as the execution environment: warm invocations find their connections open, or, if the server
# closed them while the environment was frozen, have them replaced.
_client: Optional[Client] = None


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Make one call, within the time that is left to this invocation."""
    global _client
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE
    if seconds <= 0:
        raise TimeoutError(
            f"{RESERVE:g} s are kept back for the answer: the function needs a longer timeout."
        )
    ends = time.monotonic() + seconds
    api_name = event["api_name"]
    try:
        client = _connected(ends)
        job = client.submit(*event.get("args", ()), api_name=api_name, **event.get("kwargs", {}))
        try:
            return {"result": job.result(max(ends - time.monotonic(), 0))}
        except WaitTimeout:
            if job.done():
                return {"result": job.result()}
            job.cancel(wait=RESERVE / 2)  # nothing of it goes on in a frozen environment
            raise TimeoutError(
                f"{api_name} gave no result within {seconds:.1f} s and was cancelled; "
                f"{RESERVE:g} s of this invocation's time are kept back for that and for this answer."
            ) from None
    except AuthenticationError:
        _client = None  # the next invocation logs in with what the secret holds then
        raise


def _connected(ends: float) -> Client:
    """The client, connected by the first invocation; a failed attempt is made again by the next.

    Not connected while the module is imported: an app that is down would keep the environment from starting.
    A Space that an attempt could not wait for goes on waking.
    """
    global _client
    if _client is None:
        known = _credentials(ends - time.monotonic())
        user = known.get("user")
        url = os.environ["GRADIO_URL"]
        left = max(ends - time.monotonic(), 0.1)
        _client = Client(
            url,
            token=known.get("token") or False,  # nor that of HF_TOKEN
            auth=(user, known.get("password", "")) if user else None,
            verbose=False,
            # Half for a Space that sleeps; then a quarter for connecting, twice if the Space stops meanwhile.
            space_timeout=left / 2,
            timeout=left if "://" in url else left / 4,
            httpx_kwargs={"timeout": left},  # a silent server may take no longer either
        )
    return _client


def _credentials(seconds: float) -> Dict[str, str]:
    """What the secret holds, if one is named, else the environment."""
    name = os.environ.get("GRADIO_SECRET")
    if not name:
        names = {"token": "GRADIO_TOKEN", "user": "GRADIO_USER", "password": "GRADIO_PASSWORD"}
        return {key: os.environ.get(variable, "") for key, variable in names.items()}
    port = int(os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773"))
    extension = http.client.HTTPConnection("localhost", port, timeout=seconds)
    try:
        headers = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
        extension.request("GET", f"/secretsmanager/get?secretId={quote(name, safe='')}", headers=headers)
        response = extension.getresponse()
        body = response.read()
    finally:
        extension.close()
    if response.status != 200:
        raise RuntimeError(f"The extension answered {response.status} when asked for the secret {name}.")
    secret: Dict[str, str] = json.loads(json.loads(body)["SecretString"])
    return secret
