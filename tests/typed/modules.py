"""Generated modules, imported as a program would import them."""

from __future__ import annotations

import ast
import importlib.util
import itertools
from pathlib import Path
from typing import Any, Optional

from gradio_client_lite.typed.module import write_module

#: What a module consists of, whatever the description.
STATEMENTS = (
    ast.Import,
    ast.ImportFrom,
    ast.Expr,
    ast.Assign,
    ast.AnnAssign,
    ast.FunctionDef,
)
CALLS = {
    "_sent",
    "client.predict",
    "client.submit",
    "_job.result",
    "_job.cancel",
    "NewType",
}
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


def check_source(text: str, endpoints: Optional[int]) -> None:
    """Check that a module compiles and has no code of the server's.

    Args:
        text: the module, of an app none of whose endpoints streams.
        endpoints: how many there are; None for any number.
    """
    own = ast.parse(write_module({}, "", {})).body
    tree = ast.parse(text)
    compile(text, "module", "exec", dont_inherit=True)
    assert all(isinstance(node, STATEMENTS) for node in tree.body)
    helpers = {node.name for node in own if isinstance(node, ast.FunctionDef)}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name not in helpers]
    assert endpoints in (None, len(functions))
    for node in functions:
        assert {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)} <= CALLS
        docstring, assignment, result = node.body
        assert isinstance(docstring, ast.Expr)
        assert isinstance(assignment, ast.AnnAssign)
        assert isinstance(result, ast.Return)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            assert ast.unparse(node.value.func) in CALLS


class Recorder:
    """Stands for a Client, and gives back how it was called."""

    def predict(self, *args: Any, **options: Any) -> Any:
        return args, options

    submit = predict
