"""Lets code that others wrote for the official client run with this package instead.

>>> from gradio_client_lite import compat
>>> compat.install()
>>> from gradio_client import Client
>>> compat.uninstall()
"""

from __future__ import annotations

from .finder import FOLLOWED, install, uninstall

__all__ = ["FOLLOWED", "install", "uninstall"]
