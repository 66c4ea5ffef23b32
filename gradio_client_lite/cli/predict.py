"""The command predict: makes one call and prints its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

from ..errors import DeadlineExceeded
from .connecting import CANCELLING, add_options, add_target, connect, find_function, read_text, time_left
from .output import write
from .progress import Progress
from .values import arguments

if TYPE_CHECKING:
    import argparse

    from ..jobs.job import Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "values",
        metavar="VALUE",
        nargs="*",
        default=[],  # else errors tell that one is required
        help="VALUE or NAME=VALUE, read as the type of the parameter asks; where it is a file, a path or a "
        "URL; @FILE is a file anywhere, and @@ begins a text with @",
    )
    parser.add_argument(
        "--args", metavar="JSON", help="values as a JSON array or an object of names, or @FILE with them"
    )
    parser.add_argument("--stream", action="store_true", help="print each output as it comes")
    parser.add_argument("--output", metavar="DIR", help="the folder for files of the result")
    parser.add_argument("--json", action="store_true", help="print JSON, texts too")
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 /greet name=Ada"


def run(options: argparse.Namespace) -> None:
    whole = options.args
    if whole is not None and whole.startswith("@"):
        whole = read_text("--args", whole[1:])
    with (
        Progress(options.quiet) as progress,
        connect(options, progress, download_files=options.output) as client,
    ):
        function = find_function(client, options.endpoint)
        job = client.submit(*arguments(function.parameters, options.values, whole), **function.address)
        try:
            for output in _outputs(job, options, progress):
                progress.pause()
                write(output, as_json=options.json)
        except BaseException as exc:
            job.cancel(wait=CANCELLING)
            if isinstance(exc, DeadlineExceeded) and time_left(options) == 0:
                raise DeadlineExceeded(
                    f"{job.label} gave no result within {options.timeout:g} seconds; it was cancelled. Give "
                    "it a larger --timeout."
                ) from exc
            raise


def _outputs(job: Job, options: argparse.Namespace, progress: Progress) -> Iterator[Any]:
    """The outputs of a job as they come, or its result alone."""
    came = False
    for update in job.updates(total=time_left(options)):
        progress.update(update)
        if options.stream and update.type == "output" and not update.final:
            came = True
            yield update.outputs
    result = job.result()
    if not came:
        yield result
