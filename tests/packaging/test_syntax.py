"""What every Python can compile, PyPy among them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gradio_client_lite

SOURCES = sorted(Path(gradio_client_lite.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_global_is_annotated_after_the_function_that_declares_it(source: Path) -> None:
    # PyPy 7.3.11 says "annotated name can't be global" there, and the package cannot be imported.
    tree = ast.parse(source.read_text(encoding="utf-8"))
    declared = {
        name: node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    late = [
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.lineno > declared.get(node.target.id, node.lineno)
    ]
    assert late == []
