"""The command line: `python -m` of this package, and its console script."""

from __future__ import annotations

from .program import main

__all__ = ["main"]
