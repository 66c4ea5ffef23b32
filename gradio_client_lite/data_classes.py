"""The dicts that code may annotate with, under the official client's name for their module."""

from __future__ import annotations

from .wire.typeddicts import FileData, ParameterInfo

__all__ = ["FileData", "ParameterInfo"]
