"""Files as arguments, on their way up, and on their way down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..wire.typeddicts import FileData
    from .handle import file, handle_file

__all__ = ["FileData", "file", "handle_file"]


def __getattr__(name: str) -> Any:
    # Bound when first used: results without files need none of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ..wire import typeddicts
    from . import handle

    return getattr(typeddicts if name == "FileData" else handle, name)
