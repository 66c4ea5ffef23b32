"""The package can be copied into another one, under any name, as it is."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

import gradio_client_lite
from gradio_client_lite.testing import serve

PACKAGE = Path(gradio_client_lite.__file__).parent
NAME = PACKAGE.name
MODULES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in MODULES]
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


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_imports_nothing_heavy_when_it_is_imported(path: Path) -> None:
    assert not HEAVY & set(imports(tree(path).body))


def test_types_are_announced() -> None:
    assert (PACKAGE / "py.typed").is_file()


PREDICT = """
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from {name} import Client
client = Client(sys.argv[2], verbose=False)
assert client.predict("hello", api_name="/echo") == "hello"
assert list(client.submit(3, api_name="/count")) == [0, 1, 2]
assert client.headers["user-agent"].startswith("{name}/"), client.headers
assert "{original}" not in " ".join(sys.modules), "the original was imported"
print("ok")
"""


def copy_into(folder: Path, *names: str) -> Tuple[Path, str]:
    """Copy the package below a new name into nested packages; return the folder and the dotted name."""
    parent = folder.joinpath(*names[:-1])
    parent.mkdir(parents=True, exist_ok=True)
    for depth in range(1, len(names)):
        folder.joinpath(*names[:depth], "__init__.py").touch()
    shutil.copytree(PACKAGE, parent / names[-1], ignore=shutil.ignore_patterns("__pycache__"))
    return folder, ".".join(names)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("names", [("renamed",), ("plugin", "_vendor", "client_copy")])
def test_renamed_copy_works(tmp_path: Path, names: Tuple[str, ...], zipped: bool) -> None:
    folder, name = copy_into(tmp_path / "lib", *names)
    if zipped:
        archive = tmp_path / "lib.zip"
        with zipfile.ZipFile(archive, "w") as target:
            for path in folder.rglob("*"):
                target.write(path, path.relative_to(folder))
        shutil.rmtree(folder)
        folder = archive

    def count(to: int) -> Iterator[int]:
        yield from range(to)

    with serve({"/echo": lambda text: text, "/count": count}) as app:
        code = PREDICT.format(name=name, original=NAME)
        done = subprocess.run(
            [sys.executable, "-S", "-W", "error", "-c", code, str(folder), app.url],
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=False,
            cwd=tmp_path,
        )
    assert (done.stdout, done.stderr) == ("ok\n", "")
