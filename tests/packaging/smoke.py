"""What a copy of the package must be able to do wherever it runs: the suite's smoke part.

    python smoke.py NAME FILES_URL FOLDER [--path ENTRY] [--unwritable] [--without FEATURE,…]

It needs the standard library alone, of Python 3.9 or later, and works under `-O`. It says how far it has come
on standard error, one line that begins with "smoke:" before each part, and prints "ok" in the end.

Args:
    NAME: the package's name with dots, as it is imported here.
    FILES_URL: an app with an endpoint /direct that gives back the file it got: `tests/apps/file_app.py` or
        `file_double.py`.
    FOLDER: where files may be written.
    ENTRY: put at the front of sys.path first.
    --unwritable: make sure that neither the home nor the working directory can be written to.
    --without: what the copy was made without; the parts that need it say so instead.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Type

PATIENCE = 20.0  # seconds
TEXT = "naïve \x85 日本語 🙂"


class SmokeError(Exception):
    """Something is not as it should be."""


def same(got: Any, wanted: Any) -> None:
    """Like assert, which `-O` takes out."""
    if got != wanted:
        raise SmokeError(f"got {got!r} instead of {wanted!r}")


def load(name: str) -> Any:
    """Import a module; not with importlib, which `-X importtime` does not see."""
    __import__(name)
    return sys.modules[name]


def part(name: str) -> None:
    print(f"smoke: {name}", file=sys.stderr, flush=True)


def raises(error: Type[BaseException], call: Callable[[], Any]) -> BaseException:
    try:
        value = call()
    except error as exc:
        return exc
    raise SmokeError(f"got {value!r} instead of {error.__name__}")


def count(to: int) -> Iterator[int]:
    yield from range(to)


def repeat(text: str, times: int = 2) -> str:
    return text * times


def smoke_connecting(package: Any, url: str) -> None:
    part("connect to an app outside this process")
    with package.Client(url, verbose=False) as client:
        same(client.predict(None, api_name="/direct"), None)
        same("/direct" in str(client), True)


def smoke_files(package: Any, url: str, folder: Path) -> None:
    part("send and fetch a file")
    with package.Client(url, download_files=str(folder / "down"), verbose=False) as client:
        up = folder / "a b.txt"
        up.write_text(TEXT, encoding="utf-8")
        down = client.predict(package.handle_file(str(up)), api_name="/direct")
        same(Path(down).read_bytes(), up.read_bytes())
        same(folder.resolve() in Path(down).resolve().parents, True)


def smoke_calls(package: Any, testing: Any, errors: Any) -> None:
    def fail(text: str) -> str:
        raise testing.AppError(text, title="Sorry")

    functions: Dict[str, Any] = {
        "/repeat": repeat,
        "/count": count,
        "/fail": fail,
        "/direct": testing.Function(lambda text: text, queue=False),
    }
    with testing.serve(functions) as app:
        part("call an app in this process")
        client = package.Client(app.url, verbose=False)
        same(client.headers["user-agent"].startswith(f"{package.__name__}/"), True)
        same(client.predict(TEXT, times=3, api_name="/repeat"), TEXT * 3)
        same(client.predict(TEXT, api_name="/direct"), TEXT)
        part("stream")
        job = client.submit(4, api_name="/count")
        same(list(job), [0, 1, 2, 3])
        same((job.result(PATIENCE), job.outputs()), (3, [0, 1, 2, 3]))
        jobs = [client.submit(str(number), api_name="/repeat") for number in range(20)]
        same([job.result(PATIENCE) for job in jobs], [str(number) * 2 for number in range(20)])
        updates = list(client.stream_messages(2, api_name="/count"))
        same(updates[-1].outputs, 1)
        part("describe")
        text = client.view_api(print_info=False, return_format="str")
        same('predict(text, times, api_name="/repeat")' in text, True)
        part("fail")
        error = raises(errors.AppError, lambda: client.predict("no", api_name="/fail"))
        same((str(error), getattr(error, "title", None)), ("no", "Sorry"))
        raises(TypeError, lambda: client.predict(unknown=1, api_name="/repeat"))
        raises(errors.UnknownEndpointError, lambda: client.predict(api_name="/missing"))
        part("close")
        client.close()
        raises(errors.ClientClosed, lambda: client.predict("a", api_name="/direct"))
    raises(errors.ConnectFailed, lambda: package.Client(app.url, verbose=False))


def smoke_missing(package: Any, url: str, without: List[str]) -> None:
    """Use what the copy was made without."""
    part("miss what was left out")
    errors = load(f"{package.__name__}.errors")
    client = package.Client(url, verbose=False)
    uses: Dict[str, Callable[[], Any]] = {
        "cli": lambda: load(f"{package.__name__}.cli"),
        "compat": lambda: load(f"{package.__name__}.compat"),
        "utils": lambda: load(f"{package.__name__}.utils"),
        "discord": lambda: load(f"{package.__name__}.spaces.discord"),
        "files": lambda: package.handle_file(__file__),
        "map": lambda: client.map([1], api_name="/direct"),
        "legacy": lambda: load(f"{package.__name__}.legacy"),
        "pickling": lambda: pickle.dumps(client),
        "spaces": lambda: package.Client("owner/name", verbose=False),
        "testing": lambda: load(f"{package.__name__}.testing"),
        "vendoring": lambda: load(f"{package.__name__}.embed.vendoring"),
    }
    for feature in uses.keys() & set(without):
        text = str(raises(errors.MissingFeature, uses[feature]))
        # Without Spaces there is none for a Discord bot.
        named = {feature, "spaces"} if feature == "discord" else {feature}
        same(any(f"was made without {name}, " in text for name in named), True)
        same(f"`--without {feature}`" in text or feature == "discord", True)
    client.close()


def write_into(folder: Path) -> None:
    (folder / "smoke.txt").write_text("written", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("files_url")
    parser.add_argument("folder")
    parser.add_argument("--path")
    parser.add_argument("--unwritable", action="store_true")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[])
    given = parser.parse_args()
    if given.unwritable:
        raises(PermissionError, lambda: write_into(Path.home()))
        raises(PermissionError, lambda: write_into(Path.cwd()))
    if given.path:
        sys.path.insert(0, given.path)
    part("import")
    package = load(given.name)
    smoke_connecting(package, given.files_url)
    if "files" not in given.without:
        smoke_files(package, given.files_url, Path(given.folder))
    if "testing" not in given.without:
        part("import the embedded app")
        testing = load(f"{given.name}.testing")
        smoke_calls(package, testing, load(f"{given.name}.errors"))
    if given.without:
        smoke_missing(package, given.files_url, given.without)
    part("end")
    print("ok")


if __name__ == "__main__":
    main()
