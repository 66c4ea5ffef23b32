"""The command line: a demonstration without a network, one call, a description.

::

    python -m … demo [--json]
    python -m … predict URL /name [ARG ...] [--json '["a", 1]' or '{"text": "a"}']
    python -m … view URL
    python -m … vendor FOLDER [--name NAME] [--without FEATURE,FEATURE]
        [--zip [--compile]] [--check] [--force]
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple

from .app.console import write_line
from .errors import ArgumentError, GradioClientError

if TYPE_CHECKING:
    import argparse

    from .client import Client

#: What `Client.predict` calls its own parameters, so that a function's cannot be given by these names.
_TAKEN = frozenset({"self", "api_name", "fn_index", "headers"})
_GREETED = "Ada"
_SPELLED = "streams"
_STEP = 0.05  # seconds between the demo's outputs, so that one sees them come


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run a command.

    Args:
        argv: the arguments without the program's name; None means those of the process.

    Returns:
        The exit code: 0; 1 after an error, which is told in one line on standard error; 130 when
        interrupted. Wrong options end the process with 2, as argparse does.
    """
    options = _parse(argv)
    command: Callable[[Any], None] = options.command
    try:
        command(options)
    except KeyboardInterrupt:
        return 130
    except (GradioClientError, OSError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {text}", file=sys.stderr)
        return 1
    return 0


def _parse(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    import argparse

    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="Call Gradio apps.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="serve a small app and call it; needs no network")
    demo.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    demo.set_defaults(command=_demo)

    predict = commands.add_parser("predict", help="call a function of an app and print its result")
    predict.add_argument("url", metavar="URL", help="the app, such as http://127.0.0.1:7860")
    predict.add_argument("api_name", metavar="NAME", help="the function, such as /predict")
    predict.add_argument("arguments", metavar="ARG", nargs="*", help="JSON, or else text")
    predict.add_argument("--json", metavar="JSON", help="arguments as a JSON array, or an object of names")
    predict.set_defaults(command=_predict)

    view = commands.add_parser("view", help="describe the functions of an app")
    view.add_argument("url", metavar="URL", help="the app, such as http://127.0.0.1:7860")
    view.set_defaults(command=_view)

    vendor = commands.add_parser("vendor", help="copy this package into a program, or update the copy")
    vendor.add_argument("folder", metavar="FOLDER", help="where the program keeps such copies")
    vendor.add_argument("--name", metavar="NAME", help="what the copy is imported as; else as this package")
    vendor.add_argument(
        "--without",
        metavar="FEATURE,FEATURE",
        type=lambda text: text.split(","),
        action="extend",
        default=[],
        help="leave out legacy (Gradio 3.x and 4.0 to 4.8), spaces, discord, files, testing, compat, cli, "
        "vendoring, pickling, websocket (websocket-client, which Gradio 3.x needs)",
    )
    vendor.add_argument("--zip", action="store_true", help="make a zip for sys.path instead of a folder")
    vendor.add_argument(
        "--compile", action="store_true", help="add bytecode for this release of Python to the zip"
    )
    vendor.add_argument(
        "--check", action="store_true", help="only tell whether the copy is intact and current"
    )
    vendor.add_argument("--force", action="store_true", help="overwrite even what is no copy or was changed")
    vendor.set_defaults(command=_vendor)
    return parser.parse_args(argv)


def _connect(url: str) -> Client:
    from .client import Client

    return Client(url, verbose=False)


def _predict(options: argparse.Namespace) -> None:
    args, kwargs = _arguments(options.arguments, options.json)
    with _connect(options.url) as client:
        result = client.predict(*args, api_name=options.api_name, **kwargs)
    write_line(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str))


def _arguments(texts: List[str], whole: Optional[str]) -> Tuple[List[Any], Dict[str, Any]]:
    args = [_value(text) for text in texts]
    if whole is None:
        return args, {}
    try:
        more = json.loads(whole)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"--json holds no JSON: {error}.") from error
    if isinstance(more, dict):
        taken = sorted(_TAKEN & more.keys())
        if taken:
            raise ArgumentError(f"--json cannot name {', '.join(taken)}; give the arguments in order.")
        return args, more
    if isinstance(more, list):
        return [*args, *more], {}
    raise ArgumentError("--json must hold an array or an object.")


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _view(options: argparse.Namespace) -> None:
    with _connect(options.url) as client:
        write_line(str(client.view_api(print_info=False, return_format="str")))


def _vendor(options: argparse.Namespace) -> None:
    from .embed.vendoring import check, vendor

    if options.check:
        copy = check(options.folder, name=options.name, zipped=options.zip)
    else:
        copy = vendor(
            options.folder,
            name=options.name,
            without=options.without,
            zipped=options.zip,
            compile=options.compile,
            force=options.force,
        )
    parts = ", ".join(map(str, copy.components))
    state = "intact and current, " if options.check else ""
    without = f", without {', '.join(copy.without)}" if copy.without else ""
    write_line(f"{copy.path}: {state}{copy.files} files, {copy.size / 1000:.0f} KB{without}: {parts}")


def _greet(name: str = "world") -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


def _spell(text: str) -> Iterator[str]:
    """Spells a word, letter by letter."""
    work = threading.Event()
    for end in range(1, len(text) + 1):
        work.wait(_STEP)
        yield text[:end]


def _demo(options: argparse.Namespace) -> None:
    from .testing import serve

    show = (lambda _: None) if options.json else write_line
    with serve({"/greet": _greet, "/spell": _spell}) as app:
        show(f"A small app with the functions /greet and /spell runs at {app.url}")
        with _connect(app.url) as client:
            report = {"url": app.url, **_demonstrate(client, show)}
    if options.json:
        write_line(json.dumps(report))
    show(f'Now your own app: {__package__}.Client("http://…").predict(…, api_name="/…")')


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
