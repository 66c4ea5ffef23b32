"""Starting and stopping a real Gradio server that serves `behaviours.py` or one of the other apps."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, Optional, Sequence, Set, Tuple
from urllib.parse import urlsplit

from .environments import server_python
from .surroundings import plain_environ

_HOST = Path(__file__).with_name("server_host.py")
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
    "faulted": Path(__file__).with_name("faulted_app.py"),
    "soaked": Path(__file__).with_name("soaked_app.py"),
    "samples": Path(__file__).with_name("sample_app.py"),
    "wire": Path(__file__).parents[1] / "testing" / "wire_app.py",
}
# Where a server was. None comes after it there: clients that are kept for its URL would call the new one.
_ports: Set[str] = set()
_START_TIMEOUT = 180.0  # seconds: a cold import of Gradio on a busy machine takes a minute
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
            client call), faulted (called while faults strike), soaked (the same, which says what it holds),
            samples and wire (the recorded ones) are other apps.
        log: the file with everything the server printed.
        pid: the number of its process, and of its group, for tests that stop it.
        ca_file: the certificate authority that signed an `https` server's certificate.
    """

    url: str
    version: str
    variant: str
    log: Path
    pid: int
    ca_file: Optional[str] = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.split("/")[2].rpartition(":")[2])

    def at_least(self, version: str) -> bool:
        """Whether the Gradio release is this one or a later one."""
        return release(self.version) >= release(version)

    def __repr__(self) -> str:
        return f"Gradio {self.version} ({self.variant})"


def release(version: str) -> Tuple[int, ...]:
    """A version as numbers that compare: "4.44.1" -> (4, 44, 1)."""
    return tuple(int(part) for part in version.split("."))


class Host:
    """A process that has imported a Gradio release, and of which each server is a fork; see `server_host.py`.

    Args:
        version: a key of `pins.SERVERS`; its environment is made if need be.
        folder: an empty folder for temporary files.
    """

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = folder / "host.log"
        with theirs, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [server_python(version), "-I", str(_HOST)],
                stdin=theirs,
                stdout=log,
                stderr=log,
                env=_environ(folder),
            )

    def fork(self, request: Dict[str, Any], given: int, output: int) -> None:
        """Have it run an app, with these descriptors for its standard input and its output.

        Raises:
            ServerFailed: it has ended.
        """
        try:
            socket.send_fds(self._requests, [json.dumps(request).encode()], [given, output])
        except OSError as exc:
            said = f"the host of Gradio {self.version} has ended; its output ends:\n{self.said()}"
            raise ServerFailed(said) from exc

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """The end of its own output."""
        return tail(self._log)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        self._process.kill()
        self._process.wait()


class Launch:
    """A server on its way: it is asked for at once, and waited for when it is needed.

    Args:
        host: of its release.
        folder: an empty folder for the log, the certificates and the server's temporary files.
        variant: see `Server.variant`.
        port: where it listens; 0 for a free one.
    """

    def __init__(self, host: Host, folder: Path, variant: str = "plain", port: int = 0) -> None:
        arguments, self._ca_file = _certificate_arguments(folder) if variant == "https" else ([], None)
        self._host, self._variant, self._log = host, variant, folder / "server.log"
        self._pid: Optional[int] = None
        given, self._input = os.pipe()  # the app ends when this closes, so it never outlives us
        written, output = os.pipe()
        request = {
            "script": str(_OTHER_APPS.get(variant, _APP)),
            "arguments": ["--variant", variant, *arguments],
            "environ": {
                **_environ(folder),
                "TEST_SERVER_PORT": str(port),
                "TEST_SERVER_TAKEN": " ".join(_ports),
            },
        }
        try:
            host.fork(request, given, output)
        except ServerFailed:
            os.close(self._input)
            os.close(written)
            raise
        finally:
            os.close(given)
            os.close(output)
        self._first_line: queue.Queue[Optional[str]] = queue.Queue()
        stream = open(written, encoding="utf-8", errors="replace")  # noqa: SIM115 - the reader closes it
        self._reader = threading.Thread(
            target=_copy_output, args=(stream, self._log, self._first_line), daemon=True
        )
        self._reader.start()

    def ready(self) -> Server:
        """Wait for it.

        Raises:
            ServerFailed: it did not say within 180 seconds that it is ready.
        """
        version = self._host.version
        try:
            line = self._first_line.get(timeout=_START_TIMEOUT)
        except queue.Empty:
            line = None
        if line is None:
            said = tail(self._log) or self._host.said()
            raise ServerFailed(f"Gradio {version} ({self._variant}) did not start; its output ends:\n{said}")
        told = json.loads(line[len(_READY) :])
        if told["gradio"] != version:
            raise ServerFailed(f"the environment for Gradio {version} has {told['gradio']}")
        self._pid = told["pid"]
        _ports.add(str(urlsplit(told["url"]).port))
        return Server(told["url"], version, self._variant, self._log, told["pid"], self._ca_file)

    def stop(self) -> None:
        """End it, and whatever it started, however far it has come."""
        os.close(self._input)
        for number in (signal.SIGTERM, signal.SIGKILL):
            # Once nobody holds its output any more, its number may be that of another process.
            if self._pid is not None and self._reader.is_alive():
                with suppress(ProcessLookupError):
                    os.killpg(self._pid, number)
            self._reader.join(_STOP_TIMEOUT)
            if not self._reader.is_alive():
                return


@contextmanager
def running_server(
    version: str, folder: Path, variant: str = "plain", port: int = 0, host: Optional[Host] = None
) -> Iterator[Server]:
    """Run a server for as long as the block lasts; see `Launch` for the arguments, `ready` for failures.

    Without a host it has one of its own.
    """
    with ExitStack() as stack:
        launch = Launch(host or stack.enter_context(Host(version, folder)), folder, variant, port)
        stack.callback(launch.stop)
        yield launch.ready()


#: The variant and the release of a server.
Kind = Tuple[str, str]


class Ahead:
    """Runs servers one after the other, and starts each while the tests of the one before run.

    Args:
        kinds: those that will be needed, in that order.
    """

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._expected = list(dict.fromkeys(kinds))
        self._launched: Dict[Kind, Launch] = {}
        self._hosts: Dict[str, Host] = {}

    @contextmanager
    def running(self, kind: Kind, folder_for: Callable[[str], Path]) -> Iterator[Server]:
        """Run a server for as long as the block lasts; `folder_for` makes an empty folder for a variant."""
        launch = self._launched.pop(kind, None) or self._launch(kind, folder_for)
        try:
            server = launch.ready()
            for following in self._expected[:1]:
                with suppress(Exception):  # its own tests start it anew, and tell why they cannot
                    self._launched[following] = self._launch(following, folder_for)
            yield server
        finally:
            launch.stop()
            self._end_host_unless_needed(kind[1])

    @contextmanager
    def another(self, server: Server, folder_for: Callable[[str], Path]) -> Iterator[Server]:
        """Run a second server like one that runs."""
        launch = self._launch((server.variant, server.version), folder_for)
        try:
            yield launch.ready()
        finally:
            launch.stop()

    def _launch(self, kind: Kind, folder_for: Callable[[str], Path]) -> Launch:
        if kind in self._expected:
            self._expected.remove(kind)
        variant, version = kind
        host = self._hosts.get(version)
        if host is None or not host.runs():
            self._end_host(version)
            host = self._hosts[version] = Host(version, folder_for("host"))
        return Launch(host, folder_for(variant), variant)

    def _end_host_unless_needed(self, version: str) -> None:
        """End the host of a release unless it may be needed again."""
        if version not in [other for _, other in (*self._expected, *self._launched)]:
            self._end_host(version)

    def _end_host(self, version: str) -> None:
        host = self._hosts.pop(version, None)
        if host is not None:
            host.__exit__()

    def close(self) -> None:
        """End those that nobody has come for, and the hosts."""
        while self._launched:
            self._launched.popitem()[1].stop()
        for version in list(self._hosts):
            self._end_host(version)


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


def tail(log: Path, size: int = 4000) -> str:
    """The end of a server's log."""
    return log.read_text(encoding="utf-8")[-size:] if log.exists() else ""


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
