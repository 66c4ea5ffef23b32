"""What the environment says of the Hub; read when it is asked for, never at import.

Source: the variables of huggingface_hub, https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

from __future__ import annotations

import os
from typing import Optional

#: Where the Hub is, unless HF_ENDPOINT says otherwise.
DEFAULT_ENDPOINT = "https://huggingface.co"
_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def variable(name: str) -> Optional[str]:
    """The value of an environment variable; None when it is not set or blank."""
    return os.environ.get(name, "").strip() or None


def is_true(name: str) -> bool:
    """Whether an environment variable is set to 1, ON, YES or TRUE, in any case."""
    return os.environ.get(name, "").strip().upper() in _TRUE


def hub_endpoint() -> str:
    """The URL of the Hub, without a slash at its end."""
    return (variable("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids asking the Hub."""
    return is_true("HF_HUB_OFFLINE")
