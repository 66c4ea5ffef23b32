"""What a developer's own environment must not change: tests reach their servers, whoever runs them."""

from __future__ import annotations

import os
import signal
from typing import Dict

#: Settings of this package, the official client and huggingface_hub that a user may have made.
_PERSONAL = ("HF_", "HUGGING", "GRADIO_TEMP_DIR", "SPACE_ID", "REQUEST_METHOD")


def settle() -> None:
    """Forget such settings, in this process and those it starts.

    Proxies stay, because packages may have to be fetched through one, but not for this machine itself. A
    shell has what it runs in the background ignore interrupts; those that tests send to their programs count.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith(_PERSONAL)]:
        del os.environ[name]
    excepted = [os.environ.get(name) for name in ("no_proxy", "NO_PROXY")]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [*excepted, "localhost", "127.0.0.1", "::1"]))


def plain_environ(**more: str) -> Dict[str, str]:
    """This process's environment without any proxies, and with `more`."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**inherited, **more}
