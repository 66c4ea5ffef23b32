"""Send each line of standard input to an endpoint, several at a time, and print the answers in order.

    python answer_all.py URL API_NAME [--at-once 8] [--deadline 60] < questions.txt

A line is the function's only argument; each answer is one line of JSON. What fails is told on standard error,
and its line is `null`; Ctrl-C cancels what is under way, on the server too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any, List, Optional

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError


async def answer(
    client: Client, api_name: str, question: str, turn: asyncio.Semaphore, deadline: float
) -> Any:
    """One call, in its turn. Past the deadline the job is cancelled, as it is when this task is."""
    async with turn:
        return await asyncio.wait_for(client.submit(question, api_name=api_name), deadline)


async def answer_all(
    url: str, api_name: str, questions: List[str], at_once: int = 8, deadline: float = 60.0
) -> List[Any]:
    """The answers in the order of the questions; an error in the place of what has failed."""
    turn = asyncio.Semaphore(at_once)
    async with Client.connect(url, verbose=False) as client:
        calls = (answer(client, api_name, question, turn, deadline) for question in questions)
        return await asyncio.gather(*calls, return_exceptions=True)


def text_of(error: BaseException, deadline: float) -> str:
    """What to tell of a failure."""
    if isinstance(error, asyncio.TimeoutError) and not isinstance(error, GradioClientError):
        return f"no answer within {deadline:g} seconds"
    return str(error) or type(error).__name__


def main(words: Optional[List[str]] = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("api_name")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds for each answer")
    given = parser.parse_args(words)
    questions = [line.rstrip("\n") for line in sys.stdin]
    answers = asyncio.run(answer_all(given.url, given.api_name, questions, given.at_once, given.deadline))
    for number, found in enumerate(answers, 1):
        if isinstance(found, BaseException):
            print(f"line {number}: {text_of(found, given.deadline)}", file=sys.stderr)
            found = None
        print(json.dumps(found))


if __name__ == "__main__":
    main()
