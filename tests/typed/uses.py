"""What type checkers must take of the module of the app recorded of Gradio 6.31.0, and what they must refuse.

It is not run: `tox -e types` checks a copy beside that module. An `ignore` that is not needed is an error.
"""

from __future__ import annotations

from pathlib import Path

import app_6_31_0 as app

from gradio_client_lite import Client, handle_file


def values(client: Client) -> None:
    text: str = app.typed(client, "Ada", 3, style="park", amount=2)
    both = app.no_default(client, text, None)
    text = both[0]
    numbers: tuple[int, str] = app.compute(client, 1, ["a"], {"a": 1.5})
    nothing: tuple[()] = app.nothing(client)
    parts: list[str] = list(app.stream_stream(client, 3))
    print(numbers, nothing, parts)


def results_as_arguments(client: Client) -> None:
    chat = app.chat_values(client, param_3="2026-01-01", param_4=None)
    app.chat_values(client, chat[0], chat[1], param_3=chat[2], param_4=chat[3])
    path, picture = Path("file.txt"), handle_file("picture.png")
    files = app.files(
        client,
        path,
        [path, picture],
        param_3=picture,
        param_4=path,
        param_6={"path": "/on/the/server"},
        param_7=path,
        param_8=[["a", "b"]],
        param_9={"background": path},
        param_10={"image": picture, "annotations": []},
    )
    app.files(
        client,
        files[0],
        files[1],
        files[2],
        param_3=files[3],
        param_4=files[4],
        param_5=files[5],
        param_6=files[6],
        param_7=files[7],
        param_8=files[8],
        param_9=files[9],
        param_10=files[10],
    )


def mistakes(client: Client) -> None:
    app.typed(client, 3)  # type: ignore[arg-type]
    app.typed(client, style="beach")  # type: ignore[arg-type]
    app.typed(client, colour="red")  # type: ignore[call-arg]
    app.no_default(client)  # type: ignore[call-arg]
    number: int = app.typed(client)  # type: ignore[assignment]
    app.compute(client, 1, "abc")  # type: ignore[arg-type]
    file: app.File = "a text"  # type: ignore[assignment]
    print(file, number)
