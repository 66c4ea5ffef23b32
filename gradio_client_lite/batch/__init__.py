"""Many calls of one endpoint, as `Client.map` makes them."""

from __future__ import annotations

from .mapping import Row, run

__all__ = ["Row", "run"]
