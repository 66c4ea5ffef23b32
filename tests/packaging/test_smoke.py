"""The package works wherever it is put, and under the interpreter's options."""

from __future__ import annotations

import os
import sys
import venv
import zipapp
from pathlib import Path
from typing import Dict, Iterator, List, Set

import pytest
from copies import NAME, PACKAGE, SMOKE, copy_into, pack, script, smoke
from file_double import FileDouble

#: Here as the tests see it: installed, or in the working tree.
HERE = ("--path", str(PACKAGE.parent))
POWERLESS = Path(__file__).with_name("powerless.py")


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """The URL of an app that gives files back."""
    with FileDouble() as server:
        yield server.url


def quiet(stderr: str) -> bool:
    """Whether nothing but the smoke part has spoken."""
    return all(line.startswith("smoke: ") for line in stderr.splitlines())


@pytest.mark.parametrize(
    "options", [(), ("-O",), ("-OO",), ("-I",), ("-W", "error", "-X", "dev")], ids=" ".join
)
def test_with_options_of_the_interpreter(options: List[str], files: str, tmp_path: Path) -> None:
    done = smoke(script(*options), NAME, files, str(tmp_path), options=HERE)
    assert quiet(done.stderr)


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("names", [("renamed",), ("plugin", "_vendor", "client_copy")], ids=".".join)
def test_as_a_renamed_copy(names: List[str], zipped: bool, files: str, tmp_path: Path) -> None:
    name = copy_into(tmp_path / "lib", *names)
    entry = pack(tmp_path / "lib", tmp_path / "lib.zip") if zipped else tmp_path / "lib"
    # Without site-packages, where the original may be installed.
    command = script("-S", "-B", "-W", "error")
    done = smoke(command, name, files, str(tmp_path), options=("--path", str(entry)), cwd=tmp_path)
    assert quiet(done.stderr)


def test_as_a_zipapp(files: str, tmp_path: Path) -> None:
    copy_into(tmp_path / "app", NAME)
    (tmp_path / "app" / "smoke.py").write_bytes(SMOKE.read_bytes())
    zipapp.create_archive(tmp_path / "app", tmp_path / "app.pyz", main="smoke:main", compressed=True)
    command = [sys.executable, "-I", "-S", "-W", "error", str(tmp_path / "app.pyz")]
    assert quiet(smoke(command, NAME, files, str(tmp_path)).stderr)


def test_in_an_environment_that_has_nothing_else(files: str, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    copy_into(site_packages, NAME)
    assert sorted(path.name for path in site_packages.iterdir() if path.is_dir()) == [NAME]
    done = smoke(script("-I", "-W", "error", python=str(python)), NAME, files, str(tmp_path))
    assert quiet(done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter there")
def test_with_a_home_and_a_working_directory_that_cannot_be_written_to(files: str, tmp_path: Path) -> None:
    home, work, folder = (tmp_path / name for name in ("home", "work", "files"))
    folder.mkdir()
    for place in (home, work):
        place.mkdir(mode=0o555)
    environ = {**os.environ, "HOME": str(home)}
    environ.pop("GRADIO_TEMP_DIR", None)
    command = [sys.executable, str(POWERLESS), *script("-W", "error")]
    options = (*HERE, "--unwritable")
    try:
        done = smoke(command, NAME, files, str(folder), options=options, cwd=work, env=environ)
    finally:
        for place in (home, work):
            place.chmod(0o755)
    assert quiet(done.stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["a b.txt", "down"]
    assert not list(home.iterdir())
    assert not list(work.iterdir())


# --- what is imported when


def imported(stderr: str) -> Dict[str, Set[str]]:
    """What `-X importtime` says was imported in each part of the smoke part.

    It does not see a module that importlib is asked for, as `client` is for `Client`; only what that imports.
    """
    parts: Dict[str, Set[str]] = {}
    names: Set[str] = set()
    for line in stderr.splitlines():
        if line.startswith("smoke: "):
            names = parts.setdefault(line[len("smoke: ") :], set())
        elif line.startswith("import time:"):
            names.add(line.rpartition("|")[2].strip())
    return parts


@pytest.fixture(scope="module")
def parts(files: str, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Set[str]]:
    folder = tmp_path_factory.mktemp("importtime")
    command = script("-X", "importtime", "-S")
    return imported(smoke(command, NAME, files, str(folder), options=HERE).stderr)


def own(names: Set[str]) -> Set[str]:
    """Those of this package, without its name."""
    return {name.partition(".")[2] for name in names if name.startswith(f"{NAME}.")}


def test_importing_the_package_imports_nothing_else(parts: Dict[str, Set[str]]) -> None:
    assert parts["import"] == {NAME, f"{NAME}._version"}


def test_a_call_imports_what_calls_need(parts: Dict[str, Set[str]]) -> None:
    call = parts["connect to an app outside this process"]
    assert {"app.app", "transport.http", "queues.session"} <= own(call)
    assert "http.client" in call
    assert (
        call & {"asyncio", "urllib.request", "xml", "tempfile", "mimetypes", "concurrent.futures.thread"}
        == set()
    )
    optional = {"cli", "compat", "embed", "files", "legacy", "spaces", "testing", "utils"}
    assert {name.partition(".")[0] for name in own(call)} & optional == set()
    assert "app.connecting" not in own(call)


def test_what_moves_files_is_imported_with_the_first_file(parts: Dict[str, Set[str]]) -> None:
    assert own(parts["send and fetch a file"]) >= {"files.uploads", "files.saving"}


def test_nothing_is_imported_that_need_not_be_there(parts: Dict[str, Set[str]]) -> None:
    everything = set().union(*parts.values())
    assert everything & {"websocket", "typing_extensions", "asyncio", "urllib.request"} == set()
