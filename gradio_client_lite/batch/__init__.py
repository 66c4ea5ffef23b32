"""Many calls of one endpoint, as `Client.map` makes them."""

from __future__ import annotations

from .mapping import Row

__all__ = ["Row"]
