"""The package can be copied into another one, under any name, as it is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, List

import pytest
from copies import NAME, PACKAGE

MODULES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in MODULES]
#: The others are programs, such as a Discord bot's, which are copied elsewhere and never imported.
IMPORTED = [path for path in MODULES if (path.parent / "__init__.py").is_file()]
#: Modules that every process which only imports the package would pay for.
HEAVY = {"ssl", "asyncio", "email", "http.cookies", "urllib.request", "xml", "websocket"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def docstrings(module: ast.Module) -> Iterator[int]:
    """The identities of the constants that are docstrings."""
    for node in ast.walk(module):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr):
                yield id(first.value)


def imports(nodes: List[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_does_not_spell_the_package_name(path: Path) -> None:
    module = tree(path)
    allowed = set(docstrings(module))
    spelled = [
        node.lineno
        for node in ast.walk(module)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and NAME in node.value
            and id(node) not in allowed
        )
        or (
            isinstance(node, (ast.Name, ast.Attribute))
            and NAME in (getattr(node, "id", ""), getattr(node, "attr", ""))
        )
    ]
    assert spelled == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_imports_its_own_package_relatively(path: Path) -> None:
    absolute = [
        name
        for name in imports([node for node in ast.walk(tree(path)) if isinstance(node, ast.stmt)])
        if name.split(".")[0] == NAME
    ]
    assert absolute == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_reads_no_file_of_its_own_and_never_sleeps(path: Path) -> None:
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert "__file__" not in names
    assert "time.sleep" not in used


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_has_the_future_annotations_that_old_interpreters_need(path: Path) -> None:
    body = tree(path).body
    code = body[1:] if body and isinstance(body[0], ast.Expr) else body
    if all(isinstance(node, ast.Assign) for node in code):
        return  # constants alone
    assert isinstance(code[0], ast.ImportFrom)
    assert (code[0].module, [alias.name for alias in code[0].names]) == ("__future__", ["annotations"])


def test_program_of_a_discord_bot_is_no_module() -> None:
    bot = PACKAGE / "spaces" / "discord" / "bot" / "app.py"
    assert [path for path in MODULES if path not in IMPORTED] == [bot]


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_nothing_heavy_when_it_is_imported(path: Path) -> None:
    assert not HEAVY & set(imports(tree(path).body))


def test_types_are_announced() -> None:
    assert (PACKAGE / "py.typed").is_file()
