"""Seeds: the first inputs of each target, made from what was recorded of real servers (`tests/samples`).

What no sample has, such as the odd ways to write a cookie, is written down here.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

from transport.sockets import CONT, PING, close, frame

_SAMPLES = Path(__file__).parents[1] / "samples"
_DIFFS = _SAMPLES.parent / "wire" / "samples" / "diffs.json"
_RELEASES = sorted(path.name for path in _SAMPLES.iterdir() if path.is_dir())

Seeds = Callable[[], Iterator[bytes]]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _recorded_calls() -> Iterator[List[Any]]:
    """The messages of each call."""
    for call in _read(_SAMPLES / "wire_6.31.0.json")["calls"]:
        yield call["messages"]


def _small_configs() -> Iterator[Any]:
    """Of each release a config for each of its functions, with the components that it names."""
    paths = [_SAMPLES / release / "config.json" for release in _RELEASES]
    for path in [*paths, *sorted(_SAMPLES.glob("v3_config_*.json"))]:
        config = _read(path)
        for dependency in config["dependencies"]:
            ids = {*dependency.get("inputs", []), *dependency.get("outputs", [])}
            components = [each for each in config["components"] if each.get("id") in ids]
            yield {**config, "components": components, "dependencies": [dependency]}


def _small_infos() -> Iterator[Any]:
    """Of each release a description of each of its functions."""
    for path in sorted(_SAMPLES.glob("*/info.json")):
        info = _read(path)
        for group in ("named_endpoints", "unnamed_endpoints"):
            for name, endpoint in info.get(group, {}).items():
                yield {"named_endpoints": {}, "unnamed_endpoints": {}, group: {name: endpoint}}


def _schemas() -> Iterator[Any]:
    for info in _small_infos():
        for endpoint in (*info["named_endpoints"].values(), *info["unnamed_endpoints"].values()):
            for item in (*endpoint["parameters"], *endpoint["returns"]):
                yield item.get("type")


def _defaults() -> Iterator[Any]:
    """Values of components, of Gradio 3 and later."""
    for config in _small_configs():
        for component in config["components"]:
            yield component.get("props", {}).get("value")


def _chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[place : place + size] for place in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def events() -> Iterator[bytes]:
    for messages in _recorded_calls():
        yield b"".join(b"data: " + _json(message) + b"\n\n" for message in messages)
    yield b"\xef\xbb\xbfdata:a\r\ndata: b\r\rdata\n\n: comment\r\nid: 1\nevent: x\nretry: 3\ndata:c"


def json_texts() -> Iterator[bytes]:
    for messages in _recorded_calls():
        yield from map(_json, messages)
    yield b' \xef\xbb\xbf{"a": [1, -2.5e3, "\\ud83d\\ude00", "\\\\\\"", null, true, NaN, [], {}]} '


def messages() -> Iterator[bytes]:
    for recorded in _recorded_calls():
        yield b"\n".join(map(_json, recorded))
    for msg in ("send_hash", "send_data", "queue_full", "heartbeat", "unexpected_error"):
        yield _json({"msg": msg, "event_id": "e", "message": "404: Session not found"})
    yield _json({"msg": "process_streaming", "event_id": "e", "output": {"data": ["a"]}, "success": True})
    unit = {"index": 0, "length": 2, "unit": "steps", "progress": None, "desc": "d"}
    yield _json({"msg": "progress", "event_id": "e", "progress_data": [unit]})
    log = {"log": "text", "level": "info", "title": "T", "duration": 3, "visible": True}
    yield _json({"msg": "log", "event_id": "e", **log})
    fields = {"error": "text", "title": "T", "duration": 1, "visible": True, "print_exception": False}
    yield _json({"msg": "process_completed", "event_id": "e", "output": fields, "success": False})
    yield _json({"msg": "process_completed", "event_id": "e", "output": {}, "success": True})
    title = '__i18n__{"__type__": "translation_metadata", "key": "k"}'
    yield _json(
        {"msg": "log", "log": title, "level": "info", "title": {"_type": "translation_metadata", "key": "k"}}
    )


def outputs() -> Iterator[bytes]:
    for recorded in _recorded_calls():
        yield _json([each["output"]["data"] for each in recorded if each.get("output", {}).get("data")])
    yield _json(
        [
            [["a", "b"], "x"],
            [["a", "b", "c"], "xy"],
            [["a"], "xyz"],
            [{"a": 1, "b": "x"}],
            [{"a": 1, "b": "xy"}],
        ]
    )


def edits() -> Iterator[bytes]:
    for case in _read(_DIFFS):
        yield _json([case["old"], case["edits"]])


def frames() -> Iterator[bytes]:
    for recorded in _recorded_calls():
        yield b"".join(frame(_json(message)) for message in recorded)
    yield frame(b"a", fin=False) + frame(b"", PING) + frame(b"b", CONT) + close(1001, "bye")
    yield b"\x81\x83\x01\x02\x03\x04abc" + close()


def answers() -> Iterator[bytes]:
    for recorded in _read(_SAMPLES / "wire_6.31.0.json")["requests"]:
        answer = recorded["answer"]
        body = answer["body"].encode() if isinstance(answer["body"], str) else _json(answer["body"])
        head = f"HTTP/1.1 {answer['status']} OK\r\ncontent-type: {answer['content-type']}\r\n"
        yield f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        yield f"{head}transfer-encoding: chunked\r\n\r\n".encode() + _chunked(body)
    yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\nSet-Cookie: a=b\nX: one\n two\n\tthree \n\nbody"
    yield b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def chunks() -> Iterator[bytes]:
    for recorded in _recorded_calls():
        yield _chunked(b"".join(b"data: " + _json(message) + b"\n\n" for message in recorded), 200)
    yield _chunked(b"x" * 50, 1)
    yield b"3;name=value\r\nabc\r\n0003\nabc\n0 \r\ntrailer: x\r\n\r\n"


def compression() -> Iterator[bytes]:
    text = b"".join(map(_json, next(_recorded_calls())))
    yield b"\x00" + gzip.compress(text, mtime=0)
    yield b"\x00" + gzip.compress(text, mtime=0) + gzip.compress(b"more", mtime=0) + b"\x00\x00"
    yield b"\x00" + gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0)
    yield b"\xff" + zlib.compress(text)
    raw = zlib.compressobj(wbits=-15)
    yield b"\xff" + raw.compress(text) + raw.flush()
    yield b"\x00" + gzip.compress(b"\x00" * 100_000, mtime=0)


def cookies() -> Iterator[bytes]:
    yield b"access-token-unsecure-x=abc; HttpOnly; Path=/; SameSite=lax"
    yield b"access-token=abc; HttpOnly; Path=/; SameSite=none; Secure\nown=2; Path=/app"
    yield b"a=b; Domain=.host; Max-Age=100\nc=; Expires=Wed, 21-Oct-2099 07:28:00 GMT\na=; Max-Age=0"
    yield b'session="quoted, value"; Version=1\n=x\nx\nd=e; Path=/other; Domain=other'


def urls() -> Iterator[bytes]:
    for url in (
        "http://127.0.0.1:7860/gradio_api/file=/tmp/gradio/a%20b.png",
        "https://user:pass@host.example/app/?__theme=dark#x",
        "http://[::1]:7860/queue/data?session_hash=abc",
        "http://[fe80::1%25eth0]/",
        "http://bücher.example/größe/日?ä=ö",
        "https://owner-name.hf.space",
        "http://0x7f.1:80/\\evil",
        "http://good@evil:99999/",
        "file:///etc/passwd",
    ):
        yield url.encode()


def redirects() -> Iterator[bytes]:
    yield from urls()
    for location in (
        "/login",
        "../x?y=z#w",
        "//other/x",
        "?a",
        "#b",
        "",
        "https://host/app/",
        "data:,x",
        "http:/x",
    ):
        yield location.encode()


def retry_after() -> Iterator[bytes]:
    yield b"retry-after: 120"
    yield b"retry-after: Wed, 21 Oct 2026 07:28:00 GMT\ndate: Wed, 21 Oct 2026 07:27:00 GMT"
    yield b"Retry-After: Wed, 99 Oct 2015 25:61:00 +9999\ndate: x"


def refusals() -> Iterator[bytes]:
    yield b'503\n{"detail":"Queue is full! Please try again."}'
    yield b'422\n{"detail":[{"__type__":"validate","is_valid":false,"parameter_name":"a","message":"no"}]}'
    yield b'500\n{"error":"text","title":{"_type":"translation_metadata","key":"k"},"duration":1}'
    yield b'404\n{"detail":"Session not found."}'
    yield b"502\n<html><style>x{}</style><script>1<2</script><body><!-- no --><h1>Bad &amp; &#65;</h1></body>"
    yield b"400\nClient sent an HTTP request to an HTTPS server."
    yield b'500\n{"error":null}'
    yield b"429\n"


def hub_answers() -> Iterator[bytes]:
    runtime = {"stage": "BUILD_ERROR", "hardware": {"current": None, "requested": "t4"}, "errorMessage": "no"}
    space = {
        "host": "https://a.hf.space",
        "private": True,
        "sdk": "gradio",
        "runtime": runtime,
        "tags": ["x"],
    }
    yield b"200\n\n" + _json({**space, "siblings": [{"rfilename": "app.py"}]})
    yield b"200\n\n" + _json({**runtime, "name": "owner", "orgs": [{"name": "team"}]})
    yield b"401\nx-error-code: RepoNotFound\nx-error-message: Invalid s3cr3t-t0ken\nx-request-id: a-b\n\n"
    yield b'429\nratelimit: "api";r=0;t=30\nretry-after: x\n\n{"error": ["a"], "errors": [{"message": "b"}]}'
    yield b'429\nratelimit: "api";r=' + b"0" * 30 + b";t=" + b"9" * 30


def quotations() -> Iterator[bytes]:
    yield b"Bearer s3cr3t-t0ken is wrong; p%26ss%20w%27rd, p&amp;ss w&#x27;rd, czNjcjN0LXQwa2Vu"
    yield "s3cr3t… …t0ken... ...ss w'rd s3cr3t-...".encode()
    yield "…cr3t-t0…".encode()


def forms() -> Iterator[bytes]:
    yield _json([["Größe 🙂.png", "image/png", "x"], ['a"\r\nb.txt', "text/plain\r\nx: y", ""]])


def configs() -> Iterator[bytes]:
    yield from map(_json, _small_configs())
    for prefix in ("/gradio_api/../..", "//other", "x?y"):
        yield _json({"version": "6.31.0", "protocol": "sse_v3", "api_prefix": prefix, "dependencies": []})
    odd = {"id": 0, "type": "textbox", "props": {"label": 5}}
    yield _json({"components": [odd], "dependencies": [{"inputs": [0], "outputs": [0, True], "id": "x"}]})
    yield _json({"auth_required": True, "dependencies": []})
    yield _json({"version": "2.9.4", "allow_flagging": "never", "dependencies": []})


def infos() -> Iterator[bytes]:
    yield from map(_json, _small_infos())


def type_names() -> Iterator[bytes]:
    yield from sorted({_json(schema) for schema in _schemas()})


modules = infos


def pages() -> Iterator[bytes]:
    for place, config in enumerate(_small_configs()):
        text = _json(config)
        if place % 20 == 0:
            yield b"\x00" + text
            yield b"\x01<!doctype html><html><script>window.gradio_config = " + text + b";</script></html>"
    yield b"\x04" + b'{"detail":"Not authenticated"}'
    yield b"\x00<html><form><input name=x type='password'></form></html>"
    yield b"\x03<html><title>404</title>"


def names() -> Iterator[bytes]:
    for name in (
        "/tmp/gradio/0123/Größe (1).tar.gz",
        "C:\\Users\\x\\a.png",
        "../../etc/passwd",
        "con.txt",
        ". .",
        "a" * 300 + ".png",
        "\x1b[31m\u202egnp.exe",
    ):
        yield name.encode()


def file_data() -> Iterator[bytes]:
    file = {"path": "/tmp/gradio/a/b.png", "url": "http://host/file=x", "size": 3, "orig_name": "b.png"}
    marked = {**file, "mime_type": None, "is_stream": False, "meta": {"_type": "gradio.FileData"}}
    yield _json([marked, {"path": "data"}, marked, [[marked, "caption"]]])
    yield _json([file, file, None, "text"])
    yield _json([{**marked, "path": "http://other/a b.png?q=1", "url": "/proxy=http://other/a b.png"}])
    stream = "/gradio_api/stream/s/1/playlist.m3u8?__sign=x"
    yield _json([{**marked, "path": "s/1/playlist.m3u8", "url": stream, "is_stream": True}])
    folder = "0123456789" * 4
    own = f"http://host:7860/app/gradio_api/file=/tmp/gradio/{folder}/a.png"
    yield _json([{**marked, "path": own, "url": own}])


def legacy_values() -> Iterator[bytes]:
    yield from sorted(
        {_json(value) for value in _defaults() if isinstance(value, (dict, list, str)) and value}
    )
    file = {"name": "/tmp/a.png", "data": None, "is_file": True, "orig_name": "a.png", "size": 3}
    inline = {"name": "a.txt", "data": "data:text/plain;base64,aGk="}
    for value in (
        file,
        inline,
        [file, inline],
        [[file, "caption"], [inline, None]],
        [file, [[file, "label"]]],
        [["so", "ADV"], [" ", None]],
        [["hi", {**file, "alt_text": "x", "mime_type": "image/png"}]],
        {"__type__": "update", "value": file, "visible": True},
        {"label": "a", "confidences": [{"label": "a", "confidence": 0.5}]},
        {"headers": ["a"], "data": [[1]]},
        "data:image/png;base64,aGk=",
    ):
        yield _json(value)


def playlists() -> Iterator[bytes]:
    yield (
        b"#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:1\n#EXT-X-VERSION:4\n"
        b"#EXTINF:1.000,\na-1.aac\n#EXTINF:1.000,\nb-2.aac?__sign=x\n#EXT-X-ENDLIST\n"
    )
    yield b"//other/a.ts\nhttp://other:80/b.ts\n/c.ts\n../d.ts\nfile:///etc/passwd\nhttp://[bad\n"


def data_urls() -> Iterator[bytes]:
    yield b"image/png;base64,iVBORw0KGgo="
    yield b"text/plain;charset=utf-8,a%20b%2Cc"
    yield b";base64,aGk%3D"


def seeds_of(name: str) -> List[bytes]:
    """The seeds of a target, each once, the short ones first."""
    found: Seeds = globals()[name]
    unique: Dict[bytes, None] = dict.fromkeys(found())
    return sorted(unique, key=lambda seed: (len(seed), seed))
