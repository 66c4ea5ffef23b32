"""Writes the public names of the official client's modules, and of a connected Client, its parts and a job.

Arguments: the app's URL; which package, whose own names are meant. Output: JSON, lists of names by owner.
"""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType
from typing import Any, List

MODULES = ("client", "data_classes", "exceptions", "utils")


def main(url: str, package: str) -> None:
    named = {"": public(importlib.import_module(package).__all__)}
    for name in MODULES:
        module = importlib.import_module(f"{package}.{name}")
        own = [each for each, value in vars(module).items() if is_own(each, value, module.__name__)]
        named[name] = public(own)
    client = importlib.import_module(package).Client(url, verbose=False)
    job = client.submit("a", api_name="/translate")
    job.result()
    named["Client"] = public(dir(client))
    named["Endpoint"] = public(dir(client.endpoints[0]))
    named["Job"] = public(dir(job))
    json.dump(named, sys.stdout)


def is_own(name: str, value: Any, module: str) -> bool:
    """Whether a name is defined in a module, not imported into it."""
    if isinstance(value, ModuleType) or name in ("TYPE_CHECKING", "annotations"):
        return False
    return bool(getattr(value, "__module__", module) == module)


def public(names: List[str]) -> List[str]:
    return sorted(name for name in names if not name.startswith("_"))


if __name__ == "__main__":
    main(*sys.argv[1:])
