"""Tests `program.py`, and `__main__.py`."""

from __future__ import annotations

import errno
import importlib
import io
import logging
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List, Type

import pytest

from gradio_client_lite import __version__, cli, errors
from gradio_client_lite.cli import demo, program
from gradio_client_lite.testing import App, serve

from .conftest import Run

PACKAGE = cli.__name__.rpartition(".")[0]
ROOT = Path(__file__).parents[2]
#: Tried in tests/spaces/test_cli.py.
OF_THE_HUB = {"duplicate", "deploy-discord"}


@pytest.fixture
def only_command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command that raises what it is told to."""

    def set_error(error: BaseException) -> None:
        def fail(_: Any) -> None:
            raise error

        monkeypatch.setattr(demo, "run", fail)

    return set_error


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", PACKAGE, "demo"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Hello, Ada!" in done.stdout


def test_it_tells_its_version(run: Run) -> None:
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("words", [["unknown"], ["predict", "http://127.0.0.1:1"], ["--", "demo"], ["--x"]])
def test_a_wrong_command_line_is_told_in_one_line(run: Run, words: List[str]) -> None:
    ran = run(*words)
    assert (ran.code, ran.out, ran.err[:7], ran.err.count("\n")) == (2, "", "error: ", 1)
    assert ran.err.endswith("--help tells what it takes.\n")
    assert "VALUE" not in ran.err  # which is not required


def test_an_interrupt_while_a_command_is_imported_is_quiet(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "add_arguments", interrupted)
    assert run("demo") == (130, "", "")


def test_without_a_command_it_shows_what_there_is(run: Run) -> None:
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert [name for name in program.COMMANDS if f"    {name}" not in ran.err] == []


def test_help_names_every_command(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert [name for name in program.COMMANDS if f"    {name}" not in ran.out] == []


@pytest.fixture(scope="module")
def demo_app() -> Iterator[App]:
    with serve({"/greet": demo._greet, "/spell": demo._spell}) as app:
        yield app


@pytest.mark.parametrize("command", sorted(program.COMMANDS.keys() - OF_THE_HUB))
def test_help_of_a_command_has_an_example_that_works(
    run: Run, demo_app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/bin/lite"])
    (tmp_path / "rows.csv").write_text("name\nAda\nBob\n", encoding="utf-8")
    text = run(command, "--help").out
    found = re.search(r"^example: lite (.*)", text, re.MULTILINE)
    assert found is not None
    served = text.endswith("\nThe app of the example is served by: lite demo --serve\n")
    assert served == (":7860" in found[1])
    example = found[1].partition(" > ")[0].replace("http://127.0.0.1:7860", demo_app.url)
    ran = run(*shlex.split(example))
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("argv0", "name"),
    [
        ("/usr/bin/lite", "lite"),
        (f"/x/{PACKAGE}/__main__.py", f"python -m {PACKAGE}"),
        ("-m", f"python -m {PACKAGE}"),
        ("", f"python -m {PACKAGE}"),
    ],
)
def test_the_usage_names_the_program_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, argv0: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [argv0])
    assert program.program_name() == name


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ArgumentError, 2),
        (errors.InvalidValue, 2),
        (errors.InvalidFile, 2),
        (errors.UnknownEndpointError, 2),
        (errors.InvalidSpaceId, 2),
        (errors.FolderError, 2),
        (errors.VendoringError, 2),
        (errors.ConnectFailed, 3),
        (errors.TLSError, 3),
        (errors.StreamLost, 3),
        (errors.TooManyRequestsError, 3),
        (errors.UnsupportedAppError, 3),
        (errors.ProtocolError, 3),
        (errors.SpaceNotFound, 3),
        (errors.SpaceNotRunning, 3),
        (errors.AuthenticationError, 4),
        (errors.HubPermissionError, 4),
        (errors.AppError, 5),
        (errors.ValidationError, 5),
        (errors.DeadlineExceeded, 6),
        (errors.ConnectTimeout, 6),
        (errors.MissingPackageError, 1),
        (errors.MissingFeature, 1),
        (errors.GradioClientError, 1),
    ],
)
def test_an_error_has_its_exit_code(
    run: Run, only_command: Any, kind: Type[errors.GradioClientError], code: int
) -> None:
    only_command(kind("how\nit went"))
    assert run("demo") == (code, "", "error: how it went\n")


def test_the_exit_codes_stand_in_the_documents() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for code in (0, 1, 2, 3, 4, 5, 6, 130):
        assert re.search(rf"^\| {code} \|", text, re.MULTILINE), code


def test_an_error_of_the_system_is_told(run: Run, only_command: Any) -> None:
    only_command(OSError(errno.ENOSPC, "No space left on device"))
    assert run("demo") == (1, "", "error: [Errno 28] No space left on device\n")


def test_an_error_without_a_text_is_told_by_its_name(run: Run, only_command: Any) -> None:
    only_command(errors.AppError(""))
    assert run("demo").err == "error: AppError\n"


def test_an_error_moves_no_cursor(run: Run, only_command: Any) -> None:
    only_command(errors.AppError("\x1b[2J\u202ebad\r"))
    assert run("demo").err == "error: [2Jbad\n"


def test_an_interrupt_ends_a_command_quietly(run: Run, only_command: Any) -> None:
    only_command(KeyboardInterrupt())
    assert run("demo") == (130, "", "")


def test_a_mistake_of_our_own_is_not_hidden(run: Run, only_command: Any) -> None:
    only_command(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        run("demo")


def test_output_that_nobody_reads_ends_a_command_quietly(
    monkeypatch: pytest.MonkeyPatch, only_command: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = os.dup(1)
    try:
        monkeypatch.setattr(sys, "stdout", os.fdopen(os.dup(1), "w", encoding="utf-8"))
        only_command(BrokenPipeError())
        assert cli.main(["demo"]) == 1
        print("lost", flush=True)
        sys.stdout.close()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("stdout", [None, io.StringIO()])
def test_output_without_a_file_ends_it_too(
    monkeypatch: pytest.MonkeyPatch, only_command: Any, stdout: Any
) -> None:
    only_command(BrokenPipeError())
    monkeypatch.setattr(sys, "stdout", stdout)
    assert cli.main(["demo"]) == 1


def test_an_error_that_nobody_can_read_has_its_code() -> None:
    readers, writers = os.pipe()
    os.close(readers)
    done = subprocess.run(
        [sys.executable, "-m", PACKAGE, "vendor", "x", "--compile"], stderr=writers, timeout=60, check=False
    )
    os.close(writers)
    assert done.returncode == 2


def test_an_error_without_a_standard_error_goes_nowhere(
    run: Run, only_command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    only_command(errors.AppError("gone"))
    assert run("demo") == (5, "", "")


def test_debug_shows_the_log_and_the_traceback(app: App, run: Run) -> None:
    logger = logging.getLogger(PACKAGE)
    before = (logger.level, list(logger.handlers))
    ran = run("predict", app.url, "/fail", "\x1b[2J", "--debug")
    assert ran.code == 5
    assert re.search(rf"^\d.* DEBUG {PACKAGE}\.", ran.err, re.MULTILINE)
    assert "Traceback (most recent call last):" in ran.err
    assert ran.err.endswith("error: no [2J\n")
    assert "\x1b" not in ran.err
    assert (logger.level, logger.handlers) == before


def test_a_command_is_imported_only_when_it_runs() -> None:
    code = (
        f"import sys; from {PACKAGE} import cli; cli.main(['info', 'http://127.0.0.1:1']);"
        f"print([name for name in sys.modules if name.startswith('{cli.__name__}.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert f"{cli.__name__}.info" in done.stdout
    assert f"{cli.__name__}.predict" not in done.stdout
    assert f"{cli.__name__}.completion" not in done.stdout


@pytest.mark.parametrize("command", sorted(program.COMMANDS))
def test_a_command_tells_what_it_is_for(command: str) -> None:
    home, text = program.COMMANDS[command]
    module = importlib.import_module(home, program.__package__)
    assert (module.__doc__ or "").startswith(f"The command {command}: ")
    assert text[0].islower()
    assert not text.endswith(".")
