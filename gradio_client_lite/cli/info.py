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

    from ..client import Client


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
            info = _only(info, client, options.endpoint)
        progress.pause()
        if options.json:
            write(info, as_json=True)
        else:
            write_text(render(info, all_endpoints=True).rstrip("\n"))


def _only(info: Dict[str, Any], client: Client, name: str) -> Dict[str, Any]:
    """The description of one endpoint, as that of an app which has no other."""
    address = find_function(client, name).address
    number = address.get("fn_index")
    named: Any = address["api_name"] if number is None else client.endpoints[number].api_name
    for group, key in (("named_endpoints", named), ("unnamed_endpoints", str(number))):
        described = mapping(info.get(group)).get(key)
        if described is not None:
            return {"named_endpoints": {}, "unnamed_endpoints": {}, group: {key: described}}
    raise UnknownEndpointError(f"{client.src} has the endpoint {name}, but does not describe it.")
