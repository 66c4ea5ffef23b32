"""Each module of the package has its tests where a reader looks for them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, List

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gradio_client_lite"
TESTS = ROOT / "tests"
#: They hand on what other modules define.
FACES = ("__init__.py", "__main__.py", "_version.py")


def modules() -> List[str]:
    return sorted(
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name not in FACES and "_vendor" not in path.parts
    )


@pytest.fixture(scope="module")
def docstrings() -> Dict[str, str]:
    """What each test module says that it tests, by its path."""
    found = {path: ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py")}
    return {path.relative_to(TESTS).as_posix(): ast.get_docstring(tree) or "" for path, tree in found.items()}


@pytest.mark.parametrize("module", modules())
def test_module_has_a_test_module_or_is_named_by_one(module: str, docstrings: Dict[str, str]) -> None:
    folder, _, name = module.rpartition("/")
    if "/".join(filter(None, (folder, f"test_{name}"))) in docstrings:
        return
    beside = [text for path, text in docstrings.items() if path.rpartition("/")[0] == folder]
    named = any(f"`{name}`" in text for text in beside)
    named = named or any(f"`{module}`" in text for text in docstrings.values())
    assert named, f"Write tests/{folder}/test_{name}, or name `{module}` in the docstring of its tests."
