"""Forking a process that has threads, which is what the tests of it are about."""

from __future__ import annotations

import os
import warnings


def fork() -> int:
    """`os.fork`, without the warning that tests take for an error.

    Python 3.12 and later warn of forking while there are threads: up to 3.14 in the parent, once the child is
    there, where nothing comes of it; from 3.15 on before, and then there is no child.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
