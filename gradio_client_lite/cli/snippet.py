"""The command snippet: writes a call of an endpoint, to copy into a program or a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnknownEndpointError, UnsupportedAppError
from ..wire.urls import bare_url
from .connecting import add_options, add_target, connect, find_function
from .typed import write_source

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("--lang", choices=["python", "curl", "js"], default="python", help="else python")
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 /greet --lang curl"


def run(options: argparse.Namespace) -> None:
    from ..typed.module import app_of
    from ..typed.snippets import LANGUAGES, Target

    with connect(options) as client:
        function = find_function(client, options.endpoint)
        if function.parameters is None:
            raise UnknownEndpointError(f"The app does not tell what {options.endpoint} takes.")
        app = client._app
        if options.lang != "python" and not app.dialect.call_route:
            raise UnsupportedAppError(
                "Apps before Gradio 4.21 cannot be called by plain requests; use --lang python."
            )
        target = Target(
            app_of(client),
            bare_url(app.routes.api).rstrip("/"),
            bare_url(app.routes.login) if options.auth else None,
            options.token_file is not None or "x-hf-authorization" in client.headers,
            function.address,
        )
        parameters = app.transport.secrets.blank_value(function.parameters)
        write_source(LANGUAGES[options.lang](target, parameters))
