"""Targets: all of them, by name."""

from __future__ import annotations

from . import descriptions, files, http, requests, streams
from .target import TARGETS, Target

ROOMS = (descriptions, files, http, requests, streams)

__all__ = ["ROOMS", "TARGETS", "Target"]
