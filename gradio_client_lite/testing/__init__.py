"""An embedded Gradio app, for your own tests: real HTTP on this machine, no Gradio, no network.

Example:
    >>> from gradio_client_lite.testing import serve
    >>> with serve({"/echo": lambda text: text}) as app:
    ...     print(app)  # doctest: +ELLIPSIS
    <App http://127.0.0.1:.../ [/echo]>

`serve(…, faults=…)` has it misbehave, each time in the same way: see `Fault`.

It speaks the wire of Gradio 6.31, and its tests hold it to recordings of that server. What it has not: a user
interface, files (no `/upload`, no `/file=`), State, batches. What it does otherwise:

* a wrong method is 404 (Gradio: 405), and a wrong body 422 in other words;
* any number of calls of a function run at once, unless `Function(concurrency=...)` says less (Gradio: one);
* exceptions show their text, unless `show_error=False`;
* a generator's outputs are those it is annotated to yield; without a return annotation there is one;
* every progress message is sent (Gradio drops some that follow within 10 ms);
* cancelling ends one event (Gradio silently stops the session's other calls of that function too);
* a session whose stream broke starts anew with its next call; a stream that ends with an error ends cleanly.
"""

from __future__ import annotations

from ..errors import AppError
from .app import App, serve
from .faults import Fault
from .functions import Function, info, progress, warning

__all__ = ["App", "AppError", "Fault", "Function", "info", "progress", "serve", "warning"]
