"""The command info: describes an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from ..errors import UnknownEndpointError
from ..wire.schema import mapping
from .connecting import add_options, add_target, connect, find_function
from .output import write, write_text
from .progress import Progress

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser, "?")
    parser.add_argument("--json", action="store_true", help="print the whole description as JSON")
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 /greet"


def run(options: argparse.Namespace) -> None:
    from ..app.listing import render

    with Progress(options.quiet) as progress, connect(options, progress) as client:
        info: Dict[str, Any] = mapping(client.view_api(print_info=False, return_format="dict"))
        if options.endpoint is not None:
            endpoint = find_function(client, options.endpoint).endpoint
            info = {
                group: {
                    key: described
                    for key, described in mapping(info.get(group)).items()
                    if key in (endpoint.api_name, str(endpoint.fn_index))
                }
                for group in ("named_endpoints", "unnamed_endpoints")
            }
            if not any(info.values()):
                raise UnknownEndpointError(
                    f"{client.src} has the endpoint {options.endpoint}, but does not describe it."
                )
        progress.pause()
        if options.json:
            write(info, as_json=True)
        else:
            write_text(render(info, all_endpoints=True).rstrip("\n"))
