"""Faults that are put into parsers are found by their targets, in the corpus or in a few mutations of it."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Optional

import pytest

from gradio_client_lite import secrecy
from gradio_client_lite.app import listing, loading
from gradio_client_lite.errors import AppError
from gradio_client_lite.legacy.wire import frames, values
from gradio_client_lite.transport import connection, headers, inflate, url
from gradio_client_lite.typed import module
from gradio_client_lite.wire import (
    config,
    decoding,
    diff,
    fileurls,
    lifecycle,
    messages,
    multipart,
    names,
    refusal,
    schema,
    urls,
)

from . import corpus, files
from .targets import TARGETS
from .test_targets import mutations

#: Where a fault is, what is there then, made of what was, and the target that finds it.
FAULTS = {
    "a chunk is one byte longer than its size": (
        connection,
        "int",
        lambda _: lambda text, base=10: int(text, base) + (base == 16 and int(text, base) > 0),
        "chunks",
    ),
    "a lone line feed ends no head": (
        connection,
        "_FOLDED",
        lambda _: re.compile(r"\r\n[ \t]+"),
        "answers",
    ),
    "a CR at the end of a chunk is forgotten": (
        decoding.SSEDecoder,
        "_without_returns",
        lambda _: lambda self, chunk: chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"),
        "events",
    ),
    "an event has no limit": (
        decoding.SSEDecoder,
        "_fail",
        lambda _: lambda self, events: events,
        "events",
    ),
    "a message without an output is a KeyError": (
        messages,
        "_output",
        lambda _: lambda raw: raw["output"],
        "messages",
    ),
    "a job that failed has succeeded": (
        messages,
        "_success",
        lambda _: lambda raw: True,
        "messages",
    ),
    "an item is deleted behind its place": (
        diff._Patch,
        "_delete",
        lambda right: (
            lambda self, container, key: right(
                self, container, key if isinstance(key, str) else max(0, key - 1)
            )
        ),
        "edits",
    ),
    "a value is shared with the reader": (
        lifecycle.Cursor,
        "__next__",
        lambda _: lambda self: _shared(self),
        "outputs",
    ),
    "a name climbs": (
        names,
        "_portable",
        lambda _: lambda name: name or "file",
        "names",
    ),
    "a character of a name is let through": (
        names,
        "_NOT_DOWN",
        lambda _: re.compile(r'[<>"|?*\x00-\x1f]'),
        "names",
    ),
    "a prefix leads above the app": (
        config,
        "_prefix",
        lambda _: lambda value, _url: f"{value}/".lstrip("/") if isinstance(value, str) and value else "",
        "configs",
    ),
    "a label is no text": (
        config,
        "text_of",
        lambda _: lambda value: value,
        "configs",
    ),
    "a default that is no text is printed as one": (
        listing,
        "text_of",
        lambda _: lambda value: value.upper(),
        "infos",
    ),
    "a literal is not escaped": (
        module,
        "line",
        lambda _: lambda value: str(value),
        "modules",
    ),
    "a quotation mark ends a name": (
        multipart,
        "_quoted",
        lambda _: lambda text: text.replace('"', "%22"),
        "forms",
    ),
    "a cookie's value may hold a line break": (
        headers,
        "_VALUE",
        lambda _: re.compile(r"[^;]*\Z"),
        "cookies",
    ),
    "another port gets the cookies": (
        headers,
        "_port",
        lambda _: lambda port: 0,
        "cookies",
    ),
    "a redirect is taken for one within the app": (
        url,
        "join_reference",
        lambda _: lambda base, reference: reference if "://" in reference else base,
        "redirects",
    ),
    "a server may have a client wait for ever": (
        refusal,
        "LONGEST_WAIT",
        lambda _: float("inf"),
        "retry_after",
    ),
    "a member ends a compressed body": (
        inflate.Inflater,
        "_next_member",
        lambda _: lambda self: False,
        "compression",
    ),
    "what only begins with the app's URL is the app's": (
        fileurls,
        "is_own",
        lambda _: lambda place, routes: place.startswith(routes.src.rstrip("/")[:11]),
        "file_data",
    ),
    "a WebSocket's message has no limit": (
        frames.FrameDecoder,
        "_check_size",
        lambda _: lambda self, more: None,
        "frames",
    ),
    "values are not counted": (
        decoding,
        "count_values",
        lambda _: lambda data, enough: 0,
        "json_texts",
    ),
    "a list of one is a pair": (
        values,
        "_is_pair",
        lambda _: lambda value: isinstance(value, list),
        "legacy_values",
    ),
    "a page is a ValueError": (
        loading.Loader,
        "_json_object",
        lambda _: lambda self, response: json.loads(response.body),
        "pages",
    ),
    "any line of a playlist is a URL": (
        fileurls,
        "_makes_url",
        lambda _: lambda name: True,
        "playlists",
    ),
    "content loses its last byte": (
        files,
        "parse_data_url",
        lambda right: lambda url: (right(url)[0][:-1], right(url)[1]),
        "data_urls",
    ),
    "an error has a title": (
        refusal,
        "app_error",
        lambda _: lambda content: AppError(content["title"]),
        "refusals",
    ),
    "a schema is an object": (
        schema,
        "mapping",
        lambda _: lambda value: value,
        "type_names",
    ),
    "anything stands in brackets": (
        urls,
        "_BRACKETED",
        lambda _: re.compile(""),
        "urls",
    ),
    "the beginning of a secret stays before a cut": (
        secrecy,
        "_begun_at",
        lambda _: lambda piece, forms: len(piece),
        "quotations",
    ),
    "the Hub may quote a token": (
        secrecy.Secrets,
        "blank",
        lambda _: lambda self, text, also=(): text,
        "hub_answers",
    ),
}


def _shared(cursor: Any) -> Any:
    entry = cursor._entries[cursor.position]
    if not isinstance(entry, list):
        return cursor.take().data
    cursor._values = entry
    cursor.position += 1
    return entry


def test_each_target_finds_a_fault() -> None:
    assert {target for *_, target in FAULTS.values()} == TARGETS.keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, make, target = FAULTS[fault]
    wrong: Any = make(getattr(place, name, None))
    monkeypatch.setattr(place, name, wrong, raising=False)
    assert first_failing(TARGETS[target].run, target) is not None


def first_failing(run: Callable[[bytes], None], name: str) -> Optional[bytes]:
    """The first input that a target fails with, of the corpus, or of mutations."""
    for data in (*corpus.read(name), *mutations(name, 1000)):
        try:
            run(data)
        except Exception:  # noqa: PERF203 - whatever escapes is a finding
            return data
    return None
