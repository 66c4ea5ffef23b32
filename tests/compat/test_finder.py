"""`compat` lets the official client's name lead here; what the names do is compared in tests/apps."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Iterator, Optional

import pytest

import gradio_client_lite
from gradio_client_lite import Client, errors, updates
from gradio_client_lite.compat import finder as compat
from gradio_client_lite.embed import vendoring
from gradio_client_lite.errors import CompatibilityError
from gradio_client_lite.jobs import job
from gradio_client_lite.testing import serve
from gradio_client_lite.wire import typeddicts

OFFICIAL = "gradio_client"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    assert OFFICIAL not in sys.modules
    yield
    compat.uninstall()
    for name in [name for name in sys.modules if name.partition(".")[0] == OFFICIAL]:
        del sys.modules[name]


def official(module: str = "") -> ModuleType:
    return importlib.import_module(OFFICIAL + module)


def test_nothing_is_changed_before_install() -> None:
    with pytest.raises(ImportError):
        official()


def test_official_names_are_ours() -> None:
    compat.install()
    assert official().Client is Client
    assert official().handle_file is gradio_client_lite.handle_file
    assert official(".client").Job is job.Job
    assert official(".exceptions").AppError is errors.AppError
    assert official(".data_classes").FileData is gradio_client_lite.FileData
    assert official(".data_classes").ParameterInfo is typeddicts.ParameterInfo
    assert official(".utils").Status is updates.Status


def test_modules_can_be_had_in_every_way_of_importing() -> None:
    compat.install()
    space = {"__name__": "somewhere"}
    code = f"import {OFFICIAL}\nimport {OFFICIAL}.utils as u\nfrom {OFFICIAL} import exceptions, utils\n"
    exec(f"{code}from {OFFICIAL} import *", space)
    assert space["u"] is space["utils"] is sys.modules[f"{OFFICIAL}.utils"]
    assert space["Client"] is Client
    assert space["__version__"] == compat.FOLLOWED
    assert set(official().__all__) <= set(dir(official()))


def test_a_package_module_is_there_without_importing_it() -> None:
    compat.install()
    assert official().exceptions.AuthenticationError is errors.AuthenticationError


def test_every_name_of_a_module_can_be_imported_with_a_star() -> None:
    compat.install()
    space = {"__name__": "somewhere", "__version__": "mine"}
    exec(f"from {OFFICIAL}.utils import *\nfrom {OFFICIAL}.exceptions import *", space)
    assert space["Status"] is updates.Status
    assert space["AppError"] is errors.AppError
    assert space["__version__"] == "mine"


def test_version_is_that_of_the_official_client_this_one_follows() -> None:
    compat.install()
    assert official().__version__ == official(".utils").__version__ == compat.FOLLOWED


def test_default_folder_is_found_out_when_it_is_first_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compat.install()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert str(tmp_path) == official(".client").DEFAULT_TEMP_DIR


def test_what_is_not_here_is_an_import_error() -> None:
    compat.install()
    with pytest.raises(ModuleNotFoundError, match=rf"{OFFICIAL}\.serializing"):
        official(".serializing")
    with pytest.raises(ImportError, match="cannot import name 'get_pred_from_ws'"):
        exec(f"from {OFFICIAL}.utils import get_pred_from_ws")
    with pytest.raises(AttributeError, match=rf"'{OFFICIAL}.utils' has no attribute 'nothing'"):
        _ = official(".utils").nothing


def test_installing_twice_is_installing_once() -> None:
    before = list(sys.meta_path)
    compat.install()
    compat.install()
    assert len(sys.meta_path) == len(before) + 1
    compat.uninstall()
    compat.uninstall()
    assert sys.meta_path == before


def test_uninstall_takes_everything_away_and_leaves_imported_names_alone() -> None:
    compat.install()
    utils = official(".utils")
    compat.uninstall()
    assert [name for name in sys.modules if name.partition(".")[0] == OFFICIAL] == []
    with pytest.raises(ImportError):
        official()
    assert utils.is_http_url_like("http://x")


def test_a_package_that_was_imported_keeps_its_modules_after_uninstall() -> None:
    compat.install()
    package = official()
    compat.uninstall()
    assert package.exceptions.AppError is errors.AppError
    assert not hasattr(package, "serializing")
    assert OFFICIAL not in sys.modules


def test_uninstall_leaves_nothing_while_another_thread_is_just_importing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = compat._Finder.create_module

    def create_late(finder: compat._Finder, spec: ModuleSpec) -> ModuleType:
        compat.uninstall()
        return create(finder, spec)

    compat.install()
    for name in compat._MODULES:
        del sys.modules[name]
    monkeypatch.setattr(compat._Finder, "create_module", create_late)
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{OFFICIAL}'"):
        official()
    assert [name for name in sys.modules if name.partition(".")[0] == OFFICIAL] == []


def test_an_installed_official_client_is_shadowed_until_uninstall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / OFFICIAL).mkdir()
    (tmp_path / OFFICIAL / "__init__.py").write_text("real = True")
    monkeypatch.syspath_prepend(str(tmp_path))
    compat.install()
    assert official().Client is Client
    compat.uninstall()
    assert official().real


def test_install_refuses_when_the_official_client_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModuleType(OFFICIAL)
    real.__file__ = "/site-packages/gradio_client/__init__.py"
    # Its modules come first, because the import system puts a package to the end when it is done with it.
    monkeypatch.setitem(sys.modules, f"{OFFICIAL}.utils", ModuleType(f"{OFFICIAL}.utils"))
    monkeypatch.setitem(sys.modules, OFFICIAL, real)
    before = list(sys.meta_path)
    with pytest.raises(CompatibilityError, match=r"imported already, from /site-packages.*before"):
        compat.install()
    assert sys.meta_path == before
    compat.uninstall()
    assert sys.modules[OFFICIAL] is real


@pytest.mark.parametrize("there", [ModuleType(f"{OFFICIAL}.utils"), None])
def test_install_refuses_when_a_part_of_the_official_client_is_there(
    monkeypatch: pytest.MonkeyPatch, there: Any
) -> None:
    name = f"{OFFICIAL}.utils" if there else OFFICIAL
    monkeypatch.setitem(sys.modules, name, there)
    with pytest.raises(CompatibilityError, match=f"{name} is imported already, from elsewhere"):
        compat.install()
    assert compat._finder not in sys.meta_path
    assert [each for each in sys.modules if each.partition(".")[0] == OFFICIAL] == [name]


def test_install_refuses_when_another_thread_is_just_finding_the_official_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, go_on = threading.Event(), threading.Event()

    class Slow(MetaPathFinder, Loader):
        def find_spec(self, name: str, path: Any, target: Any = None) -> Optional[ModuleSpec]:
            return ModuleSpec(name, self, origin="a slow disk") if name == OFFICIAL else None

        def create_module(self, spec: ModuleSpec) -> None:
            found.set()
            go_on.wait(10)

        def exec_module(self, module: ModuleType) -> None:
            pass

    monkeypatch.setattr(sys, "meta_path", [Slow(), *sys.meta_path])
    other = threading.Thread(target=official)
    other.start()
    assert found.wait(10)
    letting_go_on = threading.Timer(0.1, go_on.set)
    letting_go_on.start()
    with pytest.raises(CompatibilityError, match="imported already, from a slow disk"):
        compat.install()
    other.join()
    letting_go_on.join()
    assert compat._finder not in sys.meta_path
    assert OFFICIAL in sys.modules


def test_a_second_copy_of_this_package_does_not_take_over(tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="other", without=["websocket"])
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from gradio_client_lite import Client, compat
from other import compat as later, errors
compat.install()
import gradio_client
try:
    later.install()
except errors.CompatibilityError as error:
    assert "from gradio_client_lite.compat." in str(error), error
later.uninstall()
from gradio_client.client import Client as found
assert found is Client
"""
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_may_install_and_import_at_the_same_time() -> None:
    found = []

    def use() -> None:
        compat.install()
        found.append(official(".utils").Status)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [updates.Status] * 8
    assert len([finder for finder in sys.meta_path if finder is compat._finder]) == 1


def test_a_program_for_the_official_client_runs() -> None:
    program = """
import sys
from gradio_client_lite import compat
compat.install()
from gradio_client import Client
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
client = Client(sys.argv[1], hf_token=None, verbose=False)
job = client.submit("hello", api_name="/echo")
assert job.result() == "hello"
assert job.status().code == Status.FINISHED
client.close()
"""
    with serve({"/echo": lambda text: text}) as app:
        command = [sys.executable, "-W", "error", "-c", program, app.url]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
