"""Run a command that may not write where permissions forbid it, even when root starts it.

    python powerless.py COMMAND ARGUMENT…

Root keeps its files, which another user could not read, but not the capability to pass permissions over.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_CAPBSET_DROP = 24  # from linux/prctl.h
_CAP_DAC_OVERRIDE = 1  # from linux/capability.h

if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
