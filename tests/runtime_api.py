"""Lambda's Runtime API on this machine, and a runtime that serves a deployment package against it.

Also the extension that reads secrets, as
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html has it.

The API follows https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: the runtime asks for the next
invocation, answers it with a response or an error, or says that it could not start. Whatever else it asks is
noted as a failure. What Lambda does around it (freezing, ending what took too long) the tests do themselves.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type, TypeVar
from urllib.parse import parse_qs, urlsplit

_VERSION = "/2018-06-01/runtime"
_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:gradio"
_LARGEST = 6 * 1024 * 1024  # bytes of a response
_PATIENCE = 30.0  # seconds
_Self = TypeVar("_Self", bound="_Served")


class Outcome(NamedTuple):
    """What became of an invocation.

    Args:
        kind: "response", "error" or "init/error".
        body: what the runtime sent, parsed.
    """

    kind: str
    body: Any


class _Invocation:
    def __init__(self, event: Any, seconds: float) -> None:
        self.id = str(uuid.uuid4())
        self.event = json.dumps(event).encode()
        self.seconds = seconds
        self.outcome: queue.Queue[Outcome] = queue.Queue()


class _Served:
    """A server of HTTP that runs within a `with` block."""

    def __init__(self, handler: Type[BaseHTTPRequestHandler]) -> None:
        self._server = _Server(("127.0.0.1", 0), handler)

    def __enter__(self: _Self) -> _Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class RuntimeApi(_Served):
    """The server; use it in a `with` block.

    Attributes:
        address: host and port, for AWS_LAMBDA_RUNTIME_API.
        failures: requests that the API does not know.
    """

    def __init__(self) -> None:
        self.failures: List[str] = []
        self._waiting: queue.Queue[Optional[_Invocation]] = queue.Queue()
        self._given: Dict[str, _Invocation] = {}
        self._started: queue.Queue[Outcome] = queue.Queue()
        super().__init__(_handler_of(self))
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __exit__(self, *exc: object) -> None:
        self._waiting.put(None)
        super().__exit__(*exc)
        assert not self.failures, self.failures

    def invoke(self, event: Any, seconds: float = 20.0) -> Outcome:
        """Invoke the function and wait for what becomes of it.

        Args:
            event: as JSON has it.
            seconds: the function's timeout.
        """
        invocation = _Invocation(event, seconds)
        self._waiting.put(invocation)
        return invocation.outcome.get(timeout=_PATIENCE)

    def init_error(self) -> Outcome:
        """Wait until the runtime says that it could not start."""
        return self._started.get(timeout=_PATIENCE)

    # -- the routes

    def next(self) -> Optional[Tuple[Dict[str, str], bytes]]:
        """The next invocation; None when there will be none."""
        invocation = self._waiting.get()
        if invocation is None:
            return None
        self._given[invocation.id] = invocation
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
        }
        return headers, invocation.event

    def settle(self, path: str, body: bytes) -> int:
        """Take a POST; the status to answer with."""
        kind = path.rpartition("/")[2]
        if path == f"{_VERSION}/init/error":
            self._started.put(Outcome("init/error", json.loads(body)))
            return 202
        request_id = path[len(f"{_VERSION}/invocation/") : -len(f"/{kind}")]
        known = path.startswith(f"{_VERSION}/invocation/") and kind in ("response", "error")
        invocation = self._given.pop(request_id, None) if known else None
        if invocation is None:
            self.failures.append(f"POST {path}")
            return 400
        if len(body) > _LARGEST:
            invocation.outcome.put(Outcome("error", {"errorType": "Function.ResponseSizeTooLarge"}))
            return 413
        invocation.outcome.put(Outcome(kind, json.loads(body)))
        return 202


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A runtime that is killed resets its connection."""


def _handler_of(api: RuntimeApi) -> Type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != f"{_VERSION}/invocation/next":
                api.failures.append(f"GET {self.path}")
                self._answer(404, {}, b"{}")
                return
            found = api.next()
            if found is None:
                self.close_connection = True
                return
            self._answer(200, *found)

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else self._chunks()
            status = api.settle(self.path, body)
            self._answer(status, {}, b'{"status":"OK"}')

        def _chunks(self) -> bytes:
            body = b""
            while self.headers.get("transfer-encoding") == "chunked":
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
            return body

        def _answer(self, status: int, headers: Dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Environment:
    """An execution environment: one process that serves a function's code.

    Attributes:
        process: the runtime.
        log: the file with what it printed.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def freeze(self) -> None:
        """Stop it as Lambda does between invocations."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def environment(
    python: str, code: Path, api: RuntimeApi, log: Path, *, handler: str = "handler.handler", **variables: str
) -> Iterator[Environment]:
    """Start the runtime.

    Args:
        python: an interpreter with awslambdaric.
        code: what was deployed: a folder with the unpacked zip.
        api: what it asks for invocations.
        log: a file for what it prints.
        handler: the function's handler.
        variables: the function's environment variables.
    """
    environ = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "gradio",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_REGION": "eu-central-1",
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": handler,
        **variables,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "awslambdaric", handler], cwd=code, env=environ, stdout=output, stderr=output
        )
        try:
            yield Environment(process, log)
        finally:
            process.kill()
            process.wait()


class SecretsExtension(_Served):
    """The AWS Parameters and Secrets Lambda Extension; use it in a `with` block.

    Attributes:
        environ: the variables by which a function finds it.
    """

    def __init__(self) -> None:
        token = str(uuid.uuid4())
        self._held: Dict[str, str] = {}
        super().__init__(_extension_of(self._held, token))
        port = str(self._server.server_port)
        self.environ = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port, "AWS_SESSION_TOKEN": token}

    def hold(self, name: str, secret: Dict[str, str]) -> None:
        """Keep a secret from now on."""
        self._held[name] = json.dumps(secret)


def _extension_of(held: Dict[str, str], token: str) -> Type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            name = parse_qs(url.query).get("secretId", [""])[0]
            known = url.path == "/secretsmanager/get" and name in held
            if self.headers.get("X-Aws-Parameters-Secrets-Token") != token:
                self.send_error(401)
            elif not known:
                self.send_error(400)
            else:
                body = json.dumps({"Name": name, "SecretString": held[name]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
