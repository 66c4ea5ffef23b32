"""Generated modules, imported as a program would import them."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from typing import Any

_numbers = itertools.count()


def imported(source: str, folder: Path) -> Any:
    """The module of a source, which is written into a folder."""
    name = f"my_app_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Recorder:
    """Stands for a Client, and gives back how it was called."""

    def predict(self, *args: Any, **options: Any) -> Any:
        return args, options

    submit = predict
