"""A panel of a user interface that calls an app, and looks at it by the host's timer.

    python panel.py URL API_NAME

The panel knows nothing of its host but a function that calls another one later, which every toolkit has:
tkinter's `after`, Qt's `QTimer.singleShot`, Blender's `bpy.app.timers.register`. `main` puts it into a window
of tkinter.
"""

from __future__ import annotations

import sys
from concurrent.futures import CancelledError, Future
from typing import Any, Callable, Optional

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import GradioClientError

#: Seconds between two looks.
PAUSE = 0.1


class Panel:
    """Connects to an app, calls it, and shows what comes. All its methods return at once.

    Args:
        later: calls a function after some seconds, on the thread of the interface.
        show: puts a text before the user.
        src: the app.
        api_name: the endpoint; it takes a text.
    """

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], object],
        show: Callable[[str], object],
        src: str,
        api_name: str,
    ) -> None:
        self._later = later
        self._show = show
        self._api_name = api_name
        self._connecting: Optional[Future[Client]] = Client.connect(src, verbose=False)
        self._client: Optional[Client] = None
        self._job: Optional[Job] = None
        self._closed = False
        show("Connecting…")
        self._look()

    def run(self, text: str) -> None:
        """Call the endpoint, in the place of a call that may be under way."""
        if self._client is None:
            self._show("Not connected yet.")
            return
        self.stop()
        try:
            self._job = self._client.submit(text, api_name=self._api_name)
        except GradioClientError as exc:  # the call is wrong
            self._show(str(exc))

    def stop(self) -> None:
        """Cancel the call, here at once and on the server."""
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Forget the app; the window is gone."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        self.stop()
        # Nothing else keeps the client, whose connections end with it, in the background.
        self._connecting = self._client = self._job = None

    def _look(self) -> None:
        if self._closed:
            return
        if self._connecting is not None:
            self._look_at_connection(self._connecting)
        elif self._job is not None:
            self._look_at(self._job)
        self._later(PAUSE, self._look)

    def _look_at_connection(self, connecting: Future[Client]) -> None:
        if not connecting.done():
            return
        self._connecting = None
        try:
            self._client = connecting.result()
            self._show("Ready.")
        except GradioClientError as exc:
            self._show(str(exc))
            self._closed = True

    def _look_at(self, job: Job) -> None:
        if job.done():
            self._job = None
            try:
                self._show(str(job.result()))
            except CancelledError:
                self._show("Cancelled.")
            except GradioClientError as exc:
                self._show(str(exc))
            return
        status = job.status()
        place = "" if status.rank is None else f", {status.rank} before it"
        self._show(f"{status.code.value}{place}…")


def main() -> None:
    """The command."""
    import tkinter

    src, api_name = sys.argv[1:]
    window = tkinter.Tk()
    said = tkinter.StringVar()
    entry = tkinter.Entry(window, width=60)
    entry.pack()
    tkinter.Label(window, textvariable=said).pack()

    def later(seconds: float, function: Callable[[], None]) -> None:
        window.after(int(seconds * 1000), function)

    panel = Panel(later, said.set, src, api_name)

    def leave() -> None:
        panel.close()
        window.destroy()

    def run(_: Any) -> None:
        panel.run(entry.get())

    entry.bind("<Return>", run)
    entry.bind("<Escape>", lambda _: panel.stop())
    window.protocol("WM_DELETE_WINDOW", leave)
    window.mainloop()


if __name__ == "__main__":
    main()
