"""Lets code that others wrote for the official client run with this package instead.

After `install()`, `import gradio_client` and its modules `client`, `utils`, `exceptions` and `data_classes`
give this package's names, in this process alone. Nothing is written anywhere; an installed official client
stays where it is and is found again after `uninstall()`. Gradio itself, the server, needs much more of the
official client than others do: do not `install()` in a process that imports `gradio`.

`gradio_client.__version__` is then the release of the official client that this package follows, because
other code decides by it what it may call. `importlib.metadata` goes on telling what is installed.

>>> from gradio_client_lite import compat
>>> compat.install()
>>> from gradio_client import Client
>>> compat.uninstall()
"""

from __future__ import annotations

from .finder import FOLLOWED, install, uninstall

__all__ = ["FOLLOWED", "install", "uninstall"]
