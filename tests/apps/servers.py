"""Starting and stopping a real Gradio server that serves `behaviours.py` or one of the other apps."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Iterator, Optional, Set, Tuple
from urllib.parse import urlsplit

from .environments import server_python
from .surroundings import plain_environ

_APP = Path(__file__).with_name("behaviours.py")
_OTHER_APPS = {
    "files": Path(__file__).with_name("file_app.py"),
    "private_files": Path(__file__).with_name("file_app.py"),
    "v3_files": Path(__file__).with_name("file_app_v3.py"),
    "chat": Path(__file__).with_name("chat_app.py"),
    "components": Path(__file__).with_name("component_app.py"),
    "pages": Path(__file__).with_name("pages_app.py"),
    "moving": Path(__file__).with_name("moving_app.py"),
    "labels": Path(__file__).with_name("label_app.py"),
    "samples": Path(__file__).with_name("sample_app.py"),
    "wire": Path(__file__).parents[1] / "testing" / "wire_app.py",
}
# Where a server was. None comes after it there: clients that are kept for its URL would call the new one.
_ports: Set[Optional[int]] = set()
_START_TIMEOUT = 90.0  # seconds: a cold import of Gradio on a busy machine takes over ten
_STOP_TIMEOUT = 10.0  # seconds
_READY = "READY "

# What `auth` servers accept; the app has the same table.
USER: Tuple[str, str] = ("user", "pass")
UNICODE_USER: Tuple[str, str] = ("ünï", "p@ss wörd&=")


class ServerFailed(Exception):
    """A server did not start; carries the end of its output."""


@dataclass(frozen=True, repr=False)
class Server:
    """A running server.

    Attributes:
        url: where the app is served, with a slash at the end.
        version: the Gradio release, such as "4.44.1".
        variant: how it is served: plain, auth, subpath, https, hide_errors, small_queue or no_queue; files,
            private_files (a login, files of at most 10 kB), v3_files (Gradio 3's), chat, labels,
            components (6.31's), pages (several apps of several pages), moving (what scripts for the official
            client call), samples and wire (the recorded ones) are other apps.
        log: the file with everything the server printed.
        process: the server's process, for tests that stop or kill it.
        ca_file: the certificate authority that signed an `https` server's certificate.
    """

    url: str
    version: str
    variant: str
    log: Path
    process: subprocess.Popen[str]
    ca_file: Optional[str] = None

    def at_least(self, version: str) -> bool:
        """Whether the Gradio release is this one or a later one."""
        return release(self.version) >= release(version)

    def __repr__(self) -> str:
        return f"Gradio {self.version} ({self.variant})"


def release(version: str) -> Tuple[int, ...]:
    """A version as numbers that compare: "4.44.1" -> (4, 44, 1)."""
    return tuple(int(part) for part in version.split("."))


@contextmanager
def running_server(version: str, folder: Path, variant: str = "plain", port: int = 0) -> Iterator[Server]:
    """Run a server for as long as the block lasts.

    Args:
        version: a key of `pins.SERVERS`; its environment is made if need be.
        folder: an empty folder for the log, the certificates and the server's temporary files.
        variant: see `Server.variant`.
        port: where it listens; 0 for a free one.

    Raises:
        ServerFailed: it did not say within 90 seconds that it is ready.
    """
    arguments, ca_file = _certificate_arguments(folder) if variant == "https" else ([], None)
    log = folder / "server.log"
    app = _OTHER_APPS.get(variant, _APP)
    command = [server_python(version), "-I", str(app), "--variant", variant, *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # the app ends when this closes, so it never outlives us
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={
            **_environ(folder),
            "TEST_SERVER_PORT": str(port),
            "TEST_SERVER_TAKEN": " ".join(map(str, sorted(_ports))),
        },
        start_new_session=True,
    )
    first_line: queue.Queue[Optional[str]] = queue.Queue()
    reader = threading.Thread(target=_copy_output, args=(process.stdout, log, first_line), daemon=True)
    reader.start()
    try:
        url = _wait_until_ready(first_line, version, variant, log)
        _ports.add(urlsplit(url).port)
        yield Server(url, version, variant, log, process, ca_file)
    finally:
        _stop(process)
        reader.join(_STOP_TIMEOUT)


def _environ(folder: Path) -> dict[str, str]:
    return plain_environ(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_TEMP_DIR=str(folder / "uploads"),
        HF_HUB_OFFLINE="1",
        MPLCONFIGDIR=str(folder / "matplotlib"),
        PYTHONUNBUFFERED="1",
        TMPDIR=str(folder),
    )


def _copy_output(output: IO[str], log: Path, first_line: queue.Queue[Optional[str]]) -> None:
    """Keep the server's output; hand over the line that says it is ready, or None at the end."""
    with output, log.open("w", encoding="utf-8") as file:
        for line in output:
            file.write(line)
            file.flush()
            if line.startswith(_READY):
                first_line.put(line)
    first_line.put(None)


def _wait_until_ready(lines: queue.Queue[Optional[str]], version: str, variant: str, log: Path) -> str:
    try:
        line = lines.get(timeout=_START_TIMEOUT)
    except queue.Empty:
        line = None
    if line is None:
        raise ServerFailed(f"Gradio {version} ({variant}) did not start; its output ends:\n{tail(log)}")
    said = json.loads(line[len(_READY) :])
    if said["gradio"] != version:
        raise ServerFailed(f"the environment for Gradio {version} has {said['gradio']}")
    return str(said["url"])


def tail(log: Path, size: int = 4000) -> str:
    """The end of a server's log."""
    return log.read_text(encoding="utf-8")[-size:] if log.exists() else ""


def _stop(process: subprocess.Popen[str]) -> None:
    """End the server and whatever it started."""
    assert process.stdin is not None
    process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            continue
        return


def _certificate_arguments(folder: Path) -> tuple[list[str], str]:
    """A certificate for localhost, signed by an authority made for this run."""
    import trustme

    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    ca_file, certificate, key = (folder / name for name in ("ca.pem", "certificate.pem", "key.pem"))
    authority.cert_pem.write_to_path(str(ca_file))
    server.private_key_pem.write_to_path(str(key))
    for number, part in enumerate(server.cert_chain_pems):
        part.write_to_path(str(certificate), append=number > 0)
    return ["--certificate", str(certificate), "--key", str(key)], str(ca_file)
