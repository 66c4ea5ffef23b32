"""A client for Gradio apps that needs little more than the standard library.

>>> from gradio_client_lite import Client                             # doctest: +SKIP
>>> Client("http://127.0.0.1:7860").predict("hello", api_name="/echo")  # doctest: +SKIP
'hello'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ._version import __version__

if TYPE_CHECKING:
    from . import client as client
    from . import data_classes as data_classes
    from . import exceptions as exceptions
    from . import utils as utils
    from .client import Client
    from .files.handle import file, handle_file
    from .jobs.job import Job
    from .limits import Limits
    from .wire.typeddicts import FileData

__all__ = ["Client", "FileData", "Job", "Limits", "__version__", "file", "handle_file"]

# Bound when first used, so that importing the package costs next to nothing.
_HOMES = {
    "Client": ".client",
    "FileData": ".wire.typeddicts",
    "Job": ".jobs.job",
    "Limits": ".limits",
    "file": ".files.handle",
    "handle_file": ".files.handle",
}
# Modules that the official client imports with its package.
_MODULES = frozenset(("client", "data_classes", "exceptions", "utils"))


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
