"""Without a compiler and headers there is nothing to test here."""

from __future__ import annotations

from .pythons import find_embeddable

collect_ignore_glob = [] if find_embeddable() else ["test_*.py"]
