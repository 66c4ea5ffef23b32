"""Connecting: the options of every command that reaches an app, and the client that they make.

No secret stands on a command line, where other users of the machine can read it.
"""

from __future__ import annotations

import sys
from itertools import chain, repeat
from time import monotonic
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional

from ..app.options import check_seconds
from ..errors import ArgumentError, DeadlineExceeded
from ..limits import Limits
from ..secrecy import hide

if TYPE_CHECKING:
    import argparse

    from ..app.endpoint import Endpoint
    from ..client import Client
    from .progress import Progress


#: Seconds that a command which was interrupted waits for the server to have been told.
CANCELLING = 2.0


def add_target(parser: argparse.ArgumentParser, endpoint: Optional[str] = None) -> None:
    """Add `app`, which `connect` connects to, and `endpoint`; `endpoint` is how often, as `nargs`."""
    parser.add_argument("app", metavar="APP", help="a URL such as http://127.0.0.1:7860, or a Space's name")
    parser.add_argument(
        "endpoint", metavar="ENDPOINT", nargs=endpoint, help="such as /predict; the command info lists them"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that connect; `add_target`, or the command, adds the `app`."""
    group = parser.add_argument_group("connecting", "A secret's FILE may be - for a line of standard input.")
    group.add_argument(
        "--token-file", metavar="FILE", help="a Hugging Face token; else HF_TOKEN, or the saved one"
    )
    group.add_argument("--auth", metavar="USER", help="log in; the password is asked for on the terminal")
    group.add_argument("--password-file", metavar="FILE", help="the password of USER")
    group.add_argument(
        "--header",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        help="send this with each request; @FILE has one a line; may be repeated",
    )
    group.add_argument("--proxy", metavar="URL", help="the proxy; else that of the environment")
    trust = group.add_mutually_exclusive_group()
    trust.add_argument("--ca", metavar="PATH", help="a file, or folder, of certificates to trust")
    trust.add_argument("--insecure", action="store_true", help="accept any certificate")
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="for all of it; of map, for a row; of duplicate and deploy-discord, for each of their steps",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress")
    group.add_argument("--debug", action="store_true", help="show the log, and where an error came from")


def connect(options: argparse.Namespace, progress: Optional[Progress] = None, **more: Any) -> Client:
    """The client, a context manager, for what `add_options` has parsed; `more` is for its constructor.

    Raises:
        ArgumentError: an option is wrong, or a file of a secret cannot be read.
        DeadlineExceeded: it took longer than `--timeout`.
        The same as the constructor of `Client`.
    """
    from concurrent.futures import wait

    from ..client import Client

    connecting = Client.connect(options.app, **client_options(options, progress), **more)
    try:
        if wait([connecting], time_left(options)).not_done:
            raise DeadlineExceeded(
                f"Connecting took longer than {options.timeout:g} seconds. Give it a larger --timeout."
            )
        return connecting.result()
    finally:
        connecting.cancel()  # where it has not ended


def time_left(options: argparse.Namespace) -> Optional[float]:
    """Seconds of `--timeout` that are left since `client_options`; None where there is none."""
    return None if options.timeout is None else max(options.begun + options.timeout - monotonic(), 0.0)


def client_options(options: argparse.Namespace, progress: Optional[Progress] = None) -> Dict[str, Any]:
    """What the constructor of `Client` takes of parsed options, besides the app. Raises as `connect`."""
    chosen: Dict[str, Any] = {"verbose": False}
    seconds = options.timeout
    if seconds is not None:
        check_seconds("--timeout", seconds)
        chosen.update(timeout=seconds, space_timeout=seconds, limits=Limits(describing=seconds))
    if options.token_file is not None:
        chosen["hf_token"] = read_secret("--token-file", options.token_file)
    if options.auth is not None:
        chosen["auth"] = (options.auth, _password(options))
    elif options.password_file is not None:
        raise ArgumentError("--password-file needs --auth USER.")
    if options.header:
        chosen["headers"] = {
            name: hide(value.strip()) for name, value in read_pairs("--header", options.header, ":").items()
        }
    if options.proxy is not None:
        chosen["httpx_kwargs"] = {"proxy": options.proxy}
    if options.ca is not None or options.insecure:
        chosen["ssl_verify"] = not options.insecure and options.ca
    if progress is not None:
        chosen.update(
            on_status=progress.space,
            upload_progress=progress.uploaded,
            download_progress=progress.downloaded,
        )
    options.begun = monotonic()
    return chosen


def read_pairs(option: str, given: Iterable[str], mark: str) -> Dict[str, str]:
    """The names and values of an option, of which @FILE has one a line; errors show none of them."""
    pairs: Dict[str, str] = {}
    for text in given:
        for line in read_text(option, text[1:]).splitlines() if text.startswith("@") else [text]:
            name, found, value = line.partition(mark)
            if found and name.strip():
                pairs[name.strip()] = hide(value)
            elif line.strip():
                raise ArgumentError(f"{option} must be NAME{mark}VALUE, or @FILE with such lines.")
    return pairs


def read_secret(option: str, path: str) -> str:
    """The secret in a file, or in the next line of standard input for "-". Raises as `read_text`."""
    line = sys.stdin.readline if sys.stdin else str  # it may be closed
    text = hide((line() if path == "-" else read_text(option, path)).strip("\r\n"))
    if not text.strip():
        raise ArgumentError(f"{option} {path} holds nothing.")
    return text


def read_text(option: str, path: str) -> str:
    """The text of a file that an option names; raises ArgumentError where it cannot be read."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, ValueError) as exc:  # no UTF-8, or a null character in the path
        why = getattr(exc, "strerror", None) or "it is no text"
        raise ArgumentError(f"{option} {path} cannot be read: {why}.") from exc


def _password(options: argparse.Namespace) -> str:
    if options.password_file is not None:
        return read_secret("--password-file", options.password_file)
    import warnings
    from getpass import GetPassWarning, getpass

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)  # it would show what is typed
            return hide(getpass(f"Password of {options.auth}: "))
    except (EOFError, GetPassWarning) as exc:
        raise ArgumentError(
            "There is no terminal to ask for the password; pass it with --password-file."
        ) from exc


class Function(NamedTuple):
    """An endpoint of an app."""

    #: What `Client.submit` and the like take to name it.
    address: Dict[str, Any]
    #: As the app describes them, and whether they take other values than their choices; None where it is not.
    parameters: Optional[List[Dict[str, Any]]]
    endpoint: Endpoint


def find_function(client: Client, name: str) -> Function:
    """The endpoint of this name, with its slash or without; or of this number, where none has it as its name.

    Raises:
        UnknownEndpointError: the app has no such endpoint.
        ConnectionFailed, DeadlineExceeded, RetryLater: its description cannot be had.
    """
    from ..app.endpoint import find_endpoint

    slashed = name if name.startswith("/") else f"/{name}"
    address: Dict[str, Any] = {"api_name": slashed}
    if name.isdecimal() and all(endpoint.api_name != slashed for endpoint in client.endpoints.values()):
        address = {"fn_index": int(name[:20])}
    endpoint = find_endpoint(client.endpoints, address.get("api_name"), address.get("fn_index"))
    parameters = endpoint.parameters_info
    if parameters is not None:
        open_ = [component.is_open for component in endpoint.spec.inputs if not component.skip]
        parameters = [
            {**parameter, "allow_custom_value": free}  # as no description tells
            for parameter, free in zip(parameters, chain(open_, repeat(False)))
        ]
    return Function(address, parameters, endpoint)
