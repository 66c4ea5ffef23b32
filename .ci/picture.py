"""Makes the picture of the README from what the program writes to a real terminal.

    python .ci/picture.py FILE.svg

The commands of the README run in a pseudo-terminal against the app of `demo --serve`; the last one is cut off
in the middle of its work, where its progress stands. rich makes the SVG of what the terminal got.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import List, Optional

from rich.console import Console
from rich.text import Text

PACKAGE = "gradio_client_lite"
#: Where the README has the app.
SHOWN_URL = "http://127.0.0.1:7860"
COLUMNS, LINES = 88, 24
#: The commands, and where to cut the output of the last one.
COMMANDS = (
    f"gradio-client-lite predict {SHOWN_URL} /greet Ada",
    f"gradio-client-lite predict {SHOWN_URL} /spell streams --stream",
    f"gradio-client-lite predict {SHOWN_URL} /work",
)
CUT_AFTER = rb"6\d%[^\r]*"
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # rich names a web server for it


def main() -> None:
    """Make it."""
    target = Path(sys.argv[1])
    command = [sys.executable, "-m", PACKAGE, "demo", "--serve", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as app:
        try:
            assert app.stdout is not None
            said = app.stdout.readline()
            url = next(word for word in said.split() if word.startswith("http")).rstrip("/")
            lines: List[str] = []
            for command_line in COMMANDS:
                words = command_line.replace(SHOWN_URL, url).split()[1:]
                last = command_line == COMMANDS[-1]
                output = run([sys.executable, "-m", PACKAGE, *words], CUT_AFTER if last else None)
                lines += [f"$ {command_line}", *output.replace(url, SHOWN_URL).rstrip("\n").split("\n")]
        finally:
            app.kill()
    target.write_text(picture(lines), encoding="utf-8")
    print(f"{target}: {len(lines)} lines, {target.stat().st_size / 1000:.0f} KB")


def run(command: List[str], cut: Optional[bytes]) -> str:
    """What a command writes to its terminal; to the end of what `cut` finds first, if that is given.

    Raises:
        ValueError: it failed, or never wrote what `cut` looks for.
    """
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environ["TERM"] = "xterm-256color"
    output = b""
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environ) as process:
        os.close(end)
        with suppress(OSError):  # Linux says so where the last process has closed the other end
            while True:
                output += os.read(terminal, 1 << 16)
    os.close(terminal)
    if process.returncode:
        raise ValueError(f"{command} ended with {process.returncode}: {output!r}")
    if cut is not None:
        found = re.search(cut, output)
        if found is None:
            raise ValueError(f"{cut!r} is not in {output!r}")
        output = output[: found.end()]
    return output.decode().replace("\r\n", "\n")


def picture(lines: List[str]) -> str:
    """The SVG of lines of a terminal; of a line that was redrawn, its last state."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    for line in lines:
        text = Text.from_ansi(line, style="bold" if line.startswith("$ ") else "")
        text.rstrip()
        console.print(text, no_wrap=True, highlight=False)
    svg = console.export_svg(title="gradio-client-lite", unique_id="call")
    return _FONT.sub("", svg)


if __name__ == "__main__":
    main()
