"""The command demo: serves a small app and calls it, or keeps it for others to call; without a network."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator

from .._version import PACKAGE
from ..app.console import write_line
from ..errors import ArgumentError

if TYPE_CHECKING:
    import argparse

    from ..client import Client

_GREETED = "Ada"
_SPELLED = "streams"
_STEP = 0.05  # seconds between the demo's outputs, so that one sees them come


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument(
        "--serve",
        metavar="PORT",
        type=int,
        nargs="?",
        const=7860,
        help="serve it until it is interrupted, at port 7860 if none is given, for other commands to call",
    )
    parser.epilog = "example: %(prog)s"


def run(options: argparse.Namespace) -> None:
    from ..client import Client
    from ..testing import serve

    functions: Dict[str, Callable[..., Any]] = {"/greet": _greet, "/spell": _spell, "/work": _work}
    if options.serve is not None:
        _keep(functions, options.serve)
        return
    show = (lambda _: None) if options.json else write_line
    with serve(functions) as app:
        show(f"A small app with the functions {', '.join(functions)} runs at {app.url}")
        with Client(app.url, verbose=False) as client:
            report = {"url": app.url, **_demonstrate(client, show)}
    if options.json:
        write_line(json.dumps(report))
    show(f'Now your own app: {PACKAGE}.Client("http://…").predict(…, api_name="/…")')


def _keep(functions: Dict[str, Callable[..., Any]], port: int) -> None:
    """Serve the app until it is interrupted, and say how to call it."""
    from ..testing import serve

    try:
        app = serve(functions, port=port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(f"Nothing can be served at port {port} ({reason}); try --serve 0.") from error
    with app, suppress(KeyboardInterrupt):
        write_line(f"A small app with the functions {', '.join(functions)} runs at {app.url} until Ctrl-C")
        write_line(f"Call it from another terminal: python -m {PACKAGE} predict {app.url} /greet {_GREETED}")
        threading.Event().wait()  # the app has threads of its own


def _greet(name: str = "world") -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


def _spell(text: str) -> Iterator[str]:
    """Spells a word, letter by letter."""
    work = threading.Event()
    for end in range(1, len(text) + 1):
        work.wait(_STEP)
        yield text[:end]


def _work(steps: int = 20) -> str:
    """Works for a while, and tells how far it is."""
    from ..testing import info, progress

    info("It begins.")
    work = threading.Event()
    for step in range(steps):
        progress(step, steps, desc="Working")
        work.wait(_STEP)
    return f"{steps} steps done"


def _demonstrate(client: Client, show: Callable[[str], None]) -> Dict[str, Any]:
    """Make one prediction and one streaming job; show them as they go and give what they came to."""
    client.predict(_GREETED, api_name="/greet")  # the first call opens the connections
    began = time.perf_counter()
    prediction = client.predict(_GREETED, api_name="/greet")
    seconds = time.perf_counter() - began
    show(f'predict("{_GREETED}", api_name="/greet") gives "{prediction}" in {seconds * 1000:.1f} ms')

    show(f'submit("{_SPELLED}", api_name="/spell") streams:')
    job = client.submit(_SPELLED, api_name="/spell")
    outputs = []
    for output in job:
        show(f"    {output}")
        outputs.append(output)
    status = job.status()
    show(f"Status of the job: {status.code.value}, success {status.success}, {len(outputs)} outputs")
    return {
        "prediction": prediction,
        "seconds": round(seconds, 6),
        "stream": outputs,
        "status": {"code": status.code.value, "success": status.success},
    }
