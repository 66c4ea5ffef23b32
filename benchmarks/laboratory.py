"""Where is measured: the clients in environments of their own, the servers they call, and the processes.

Every measurement is a fresh process of one client (`worker.py`), so none leaves anything for the next.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Optional, Sequence, TypeVar

from tests.apps.environments import official_client_python, server_python

from .figures import LIMIT, OFFICIAL, OURS

GRADIO = "6.31.0"
OFFICIAL_RELEASE = "2.7.2"
HERE = Path(__file__).resolve().parent

_START = 120.0  # seconds: a cold import of Gradio on a busy machine takes over ten
_PATIENCE = 400.0  # seconds for one measurement
_SHOWN = 2000  # characters of what a failed one said

_P = TypeVar("_P", bound="Process")


class Gone(Exception):
    """A process ended, failed or did not answer in time."""


@dataclass(frozen=True)
class Contender:
    """One client.

    Args:
        module: what has its `Client`.
        python: the interpreter that can import that.
    """

    module: str
    python: str


class Process:
    """A script that runs until it is no longer needed, and says READY once it is."""

    def __init__(self, python: str, script: str, *arguments: str, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environ(),
        )
        self._name = " ".join([script, *arguments])

    def ready(self) -> str:
        """What it says of itself.

        Raises:
            Gone: nothing, or not in time; the process is dead then.
        """
        assert self._process.stdout is not None
        alarm = threading.Timer(_START, self._process.kill)
        alarm.start()
        line = ""
        while not line.startswith("READY"):
            line = self._process.stdout.readline().decode()
            if not line:
                raise Gone(f"{self._name} ended, or did not begin within {_START:.0f} s")
        alarm.cancel()
        return line.split()[1]

    def __enter__(self: _P) -> _P:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def environ(**more: str) -> Dict[str, str]:
    """The environment variables of every process: nothing is sent to anybody but the app."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found.pop("VIRTUAL_ENV", None)
    found.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", NO_PROXY="127.0.0.1,localhost")
    # Gradio summarises with pandas, after each call, the events it remembers: its own time, not a client's,
    # and more with every call. Here it remembers few and summarises none.
    found["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"
    found["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"
    return {**found, **more}


class Laboratory:
    """Runs measurements; servers are started when they are first needed.

    Args:
        folder: for all that is made.
        stack: ends what is started.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._log = stack.enter_context((folder / "log").open("wb"))
        self._links: Dict[float, str] = {}

    @cached_property
    def contenders(self) -> Dict[str, Contender]:
        """All clients; they share one release of Python."""
        official = official_client_python(OFFICIAL_RELEASE)
        ours = _install(self.folder / "ours", official)
        return {
            LIMIT: Contender("bare", ours),
            OFFICIAL: Contender("gradio_client", official),
            OURS: Contender("gradio_client_lite", ours),
        }

    @cached_property
    def gradio(self) -> str:
        """The URL of the app on a real server."""
        return self._start(server_python(GRADIO), "app.py")

    @cached_property
    def light(self) -> str:
        """The URL of the light server."""
        return self._start(sys.executable, "light.py", self.gradio)

    def link(self, round_trip: float) -> str:
        """The URL of the app over TLS and a link with a round trip of some seconds."""
        if round_trip not in self._links:
            self._links[round_trip] = self.secured(self.gradio, round_trip)
        return self._links[round_trip]

    def secured(self, url: str, round_trip: float = 0.0) -> str:
        """The URL of a server over TLS; `localhost` is who the certificate is for."""
        port = url.rstrip("/").rpartition(":")[2]
        port = self._start(sys.executable, "link.py", port, str(round_trip), *map(str, self.certificate[1:]))
        return f"https://localhost:{port}/"

    @cached_property
    def certificate(self) -> List[Path]:
        """Files of an authority, of a certificate that it has issued for `localhost`, and of its key."""
        import trustme

        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        paths = [self.folder / f"{name}.pem" for name in ("authority", "certificate", "key")]
        blobs = (authority.cert_pem, issued.cert_chain_pems[0], issued.private_key_pem)
        for blob, path in zip(blobs, paths):
            blob.write_to_path(str(path))
        return paths

    @cached_property
    def https(self) -> str:
        """The URL of the light server over TLS."""
        return self.secured(self.light)

    @cached_property
    def authorities(self) -> Path:
        """A folder with the system's authorities and our own, as OpenSSL looks for them."""
        import ssl

        folder = self.folder / "authorities"
        folder.mkdir()
        for path in Path(ssl.get_default_verify_paths().openssl_capath).iterdir():
            (folder / path.name).symlink_to(path.resolve())
        own = self.certificate[0]
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(own)]
        name = subprocess.check_output(command, text=True).strip()
        (folder / f"{name}.0").symlink_to(own)
        return folder

    def _start(self, python: str, script: str, *arguments: str) -> str:
        return self._stack.enter_context(Process(python, script, *arguments, log=self._log)).ready()

    def run(self, client: str, *words: str, wrapped: Sequence[str] = (), **variables: str) -> str:
        """What the interpreter of a client prints, with some arguments, below another program if need be."""
        command = [*wrapped, self.contenders[client].python, *words]
        variables = {"PYTHONPATH": str(HERE), "PYTHONHASHSEED": "0", **variables}
        # Not where this is run: there the clone's own package would be found first.
        options: Dict[str, Any] = {"env": environ(**variables), "cwd": self.folder, "text": True}
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False, **options)
        except subprocess.TimeoutExpired as exc:
            raise Gone(f"no answer within {_PATIENCE:.0f} s") from exc
        if done.returncode:
            raise Gone(f"{done.returncode}: {done.stderr[-_SHOWN:]}")
        return done.stdout

    def work(
        self,
        client: str,
        measure: str,
        url: str,
        wrapped: Sequence[str] = (),
        variables: Optional[Dict[str, str]] = None,
        **arguments: Any,
    ) -> Dict[str, List[float]]:
        """Have something measured; see worker.py for what, and for the samples that it gives."""
        words = (str(HERE / "worker.py"), self.contenders[client].module, url, measure, json.dumps(arguments))
        said = self.run(client, *words, wrapped=wrapped, **(variables or {}))
        samples: Dict[str, List[float]] = json.loads(said)
        return samples


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """One for a while."""
    import tempfile

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "server")
        yield Laboratory(folder, stack)


def _install(environment: Path, python: str) -> str:
    """A fresh environment with this package as it is built now; the path of its interpreter."""
    installed = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    for command in (
        ["venv", "--python", python, str(environment)],
        ["pip", "install", "--python", str(installed), str(HERE.parent)],
    ):
        subprocess.run([*uv, "--quiet", *command], check=True, env=environ())
    return str(installed)
