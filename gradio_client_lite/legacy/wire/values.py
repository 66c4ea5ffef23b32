"""Values of Gradio 3: between the form that callers know from Gradio 4.44 and that of each component.

Callers mark files with `handle_file`, whatever the server's release. Gradio 3 knows no such mark, and each of
its components has a form of its own: an image is base64 text, any other file `{"name", "data", "is_file"}`, a
captioned image a pair, and so on. `encode` gives arguments that form, `decode` takes outputs out of it, with
V3Files in place of files. A value in another form is passed on as it is, either way.

Sources: `preprocess` and `postprocess` of gradio/components in 3.1.7, 3.18.0, 3.23.0, 3.35.2 and 3.50.2; the
data models of gradio/components in 4.44.1 for what callers pass and get.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Container, Dict, List, Mapping, Optional, Sequence

from ...wire.config import ComponentSpec, EndpointSpec
from ...wire.filedata import find_files, new_meta
from ...wire.fileurls import Location, location_of
from ...wire.names import PREFIX, download_name, extension_of
from ...wire.provenance import V3File
from ...wire.urls import Routes

Value = Callable[[Any], Any]

#: The kind, that is the form of values, of each component type; others have the same values in all releases.
_KINDS = {
    "annotatedimage": "annotatedimage",
    "audio": "file",
    "chatbot": "chatbot",
    "dataframe": "dataframe",
    "file": "file",
    "gallery": "gallery",
    "highlightedtext": "highlightedtext",
    "image": "image",
    "json": "json",
    "label": "label",
    "model3d": "file",
    "plot": "json",
    "timeseries": "timeseries",
    "uploadbutton": "file",
    "video": "video",
}
#: The same by serializer, which the config names (3.28 – 3.50) for components derived from others.
_SERIALIZERS = {
    "FileSerializable": "file",
    "GallerySerializable": "gallery",
    "ImgSerializable": "image",
    "JSONSerializable": "json",
    "VideoSerializable": "video",
}
_HOLD_JSON = frozenset(("annotatedimage", "chatbot", "dataframe", "highlightedtext", "json", "label"))
#: Kinds whose values can hold files. In JSON and the like, a dict that looks like a file is data.
HOLD_FILES = frozenset(("annotatedimage", "chatbot", "file", "gallery", "image", "video"))
#: Types without a form of their own, whose values are never files.
_PLAIN_TYPES = frozenset(
    (
        "barplot",
        "button",
        "carousel",
        "checkbox",
        "checkboxgroup",
        "clearbutton",
        "code",
        "colorpicker",
        "dataset",
        "dropdown",
        "duplicatebutton",
        "fileexplorer",
        "html",
        "lineplot",
        "loginbutton",
        "logoutbutton",
        "markdown",
        "number",
        "radio",
        "scatterplot",
        "slider",
        "state",
        "statustracker",
        "textbox",
        "variable",
    )
)


def kind_of(component: ComponentSpec) -> str:
    """The kind of a component: a name in `_KINDS`, or "" for values that are the same everywhere."""
    return kind_of_type(component.type, component.serializer)


def kind_of_type(type_: str, serializer: str) -> str:
    """The same, from the type and serializer in a config."""
    return _KINDS.get(type_, "") or _SERIALIZERS.get(serializer, "")


def argument_kinds(spec: EndpointSpec) -> List[str]:
    """The kind of each argument that is sent to an endpoint."""
    return [kind_of(component) for component in spec.arguments]


def takes_v3_files(spec: EndpointSpec, index: int) -> bool:
    """Whether an argument may hold files, by the type of its component; an unknown one may."""
    components = spec.arguments
    if index >= len(components):
        return True
    kind = kind_of(components[index])
    return kind in HOLD_FILES if kind else components[index].type not in _PLAIN_TYPES


def carriage(kind: str, *, whole: bool, uploads: bool) -> str:
    """How a file in a component of this kind is sent; `whole` if it is the value itself, not somewhere in it.

    Returns:
        "text", as a data: URL; "json", as the JSON in it; "inline", as a dict with the content in base64; or
        "uploaded", as a dict with its path on the server.
    """
    if kind == "image":
        return "text"
    if kind in _HOLD_JSON and whole:
        return "json"
    return "uploaded" if uploads else "inline"


def uploaded_file(path: str, name: str, size: Optional[int], mime_type: str) -> Dict[str, Any]:
    """The value that stands for an uploaded file; `path` is the server's, `name` the caller's."""
    file = {"name": path, "data": None, "is_file": True, "orig_name": name, "size": size}
    return {**file, "mime_type": mime_type} if mime_type else file


# -- arguments


def encode(value: Any, kind: str) -> Any:
    """An argument in the form its component takes; its files have been replaced already.

    Example:
        >>> encode([{"image": {"name": "/tmp/a.png"}, "caption": "a"}], "gallery")
        [[{'name': '/tmp/a.png'}, 'a']]
    """
    if value is None or is_update(value):
        return value
    encoder = _ENCODERS.get(kind)
    return value if encoder is None else encoder(value)


def reshapes_any(values: Sequence[Any], spec: EndpointSpec) -> bool:
    """Whether any of these arguments may have another form on the server, files apart."""
    return any(value is not None and kind in _ENCODERS for value, kind in zip(values, argument_kinds(spec)))


def _encode_video(value: Any) -> Any:
    """No release reads subtitles."""
    return value["video"] if isinstance(value, dict) and "video" in value else value


def _encode_gallery(value: Any) -> Any:
    return [_pair(item, "image", "caption", alone=True) for item in value] if is_list(value) else value


def _encode_annotated(value: Any) -> Any:
    if not isinstance(value, dict) or "image" not in value:
        return value
    annotations = value.get("annotations") or []
    if not is_list(annotations):
        return value
    return [value["image"], [_pair(item, "image", "label") for item in annotations]]


def _encode_highlighted(value: Any) -> Any:
    return [_pair(item, "token", "class_or_confidence") for item in value] if is_list(value) else value


def _encode_chat(value: Any) -> Any:
    if not is_list(value):
        return value
    return [[_encode_message(message) for message in pair] if is_list(pair) else pair for pair in value]


def _encode_message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    if isinstance(message.get("file"), dict):
        message = {**message["file"], "alt_text": message.get("alt_text")}
    if "name" not in message:
        return message
    return {"alt_text": None, "mime_type": None, **message}


def _pair(item: Any, first: str, second: str, *, alone: bool = False) -> Any:
    if not isinstance(item, dict) or first not in item:
        return item
    other = item.get(second)
    return item[first] if alone and other is None else [item[first], other]


_ENCODERS: Dict[str, Value] = {
    "annotatedimage": _encode_annotated,
    "chatbot": _encode_chat,
    "gallery": _encode_gallery,
    "highlightedtext": _encode_highlighted,
    "video": _encode_video,
}


# -- outputs


class V3Results:
    """Decodes the outputs of one endpoint; `holders` are those that may hold files."""

    def __init__(self, spec: EndpointSpec, routes: Routes, file_route: str) -> None:
        self._kinds = ["" if component.skip else kind_of(component) for component in spec.outputs]
        self.holders = frozenset(index for index, kind in enumerate(self._kinds) if kind in HOLD_FILES)
        self._routes = routes
        self._file_route = file_route

    def decode(self, values: Sequence[Any]) -> List[Any]:
        """The outputs, which are not changed, in the form callers get, with a `url` for each file."""
        kinds = self._kinds + [""] * (len(values) - len(self._kinds))
        decoded = [decode(value, kind) for value, kind in zip(values, kinds)]
        return _with_urls(decoded, self._routes, self._file_route, self.holders)


def is_v3_file(value: Any, index: int) -> bool:  # noqa: ARG001 - an IsFile
    """The IsFile of what `V3Results.decode` gives."""
    return isinstance(value, V3File)


def decode_default(value: Any, kind: str, routes: Routes, file_route: str) -> Any:
    """The default value of a component, from its config, in the form callers get."""
    return _with_urls([decode(value, kind)], routes, file_route)[0]


def _with_urls(
    values: List[Any], routes: Routes, file_route: str, holders: Optional[Container[int]] = None
) -> List[Any]:
    copy, slots = find_files(values, is_v3_file, holders)
    for slot in slots:
        slot.put(
            V3File.of({**slot.file, "url": v3_location(slot.file, routes, file_route).url}, slot.file.given)
        )
    return copy


def v3_location(file: Mapping[str, Any], routes: Routes, file_route: str) -> Location:
    """Where a FileData of `decode` is: at the app, elsewhere, or in its own URL."""
    path, url = file["path"], file.get("url")
    if isinstance(url, str) and url.startswith(PREFIX):
        return Location(url, download_name(path), own=False)
    found = location_of(file, routes, live_streams=True)
    if not found.url.startswith(routes.api + "file="):
        return found
    return replace(found, url=found.url.replace("file=", file_route, 1))


def decode(value: Any, kind: str) -> Any:
    """An output in the form callers get, with a V3File in place of each file.

    A FileData whose content came with it has that as its `url`, a data: URL.

    Example:
        >>> decode([["so", "ADV"]], "highlightedtext")
        [{'token': 'so', 'class_or_confidence': 'ADV'}]
    """
    decoder = _DECODERS.get(kind)
    if value is None or decoder is None:
        return value
    if is_update(value):
        inner = value.get("value")
        return value if inner is None else {**value, "value": decoder(inner)}
    return decoder(value)


def _decode_image(value: Any) -> Any:
    return None if value == "" else _file(value)


def _decode_files(value: Any) -> Any:
    return [_file(item) for item in value] if is_list(value) else _file(value)


def _decode_video(value: Any) -> Any:
    """The video, in later releases with subtitles beside it."""
    pair = value if is_list(value) else [value, None]
    if len(pair) != 2:
        return value
    if pair[0] is None:
        return None
    video = _file(pair[0])
    return value if video is pair[0] else {"video": video, "subtitles": _file(pair[1])}


def _decode_gallery(value: Any) -> Any:
    if not is_list(value):
        return value
    return [_named(item if _is_pair(item) else [item, None], "image", "caption") for item in value]


def _decode_annotated(value: Any) -> Any:
    if not _is_pair(value) or not is_list(value[1]):
        return value
    masks = [_named(item, "image", "label") if _is_pair(item) else item for item in value[1]]
    return {"image": _file(value[0]), "annotations": masks}


def _decode_highlighted(value: Any) -> Any:
    if not is_list(value) or not all(_is_pair(item) for item in value):
        return value
    return [{"token": token, "class_or_confidence": class_} for token, class_ in value]


def _decode_label(value: Any) -> Any:
    return {"confidences": None, **value} if isinstance(value, dict) and "label" in value else value


def _decode_dataframe(value: Any) -> Any:
    whole = isinstance(value, dict) and "headers" in value and "data" in value
    return {"metadata": None, **value} if whole else value


def _decode_chat(value: Any) -> Any:
    if not is_list(value):
        return value
    return [[_decode_message(message) for message in pair] if is_list(pair) else pair for pair in value]


def _decode_message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    file = _file(message)
    return message if file is message else {"file": file, "alt_text": message.get("alt_text")}


_DECODERS: Dict[str, Callable[[Any], Any]] = {
    "annotatedimage": _decode_annotated,
    "chatbot": _decode_chat,
    "dataframe": _decode_dataframe,
    "file": _decode_files,
    "gallery": _decode_gallery,
    "highlightedtext": _decode_highlighted,
    "image": _decode_image,
    "label": _decode_label,
    "video": _decode_video,
}


def _named(pair: Any, first: str, second: str) -> Dict[str, Any]:
    return {first: _file(pair[0]), second: pair[1]}


def _file(value: Any) -> Any:
    """The FileData of Gradio 4 for a file of Gradio 3; other values stay as they are."""
    if isinstance(value, str):
        return _inline(value, {}, value) if value.startswith(PREFIX) else value
    if not isinstance(value, dict):
        return value
    name, data = value.get("name"), value.get("data")
    if isinstance(data, str) and data and not value.get("is_file") and not value.get("is_stream"):
        return _inline(data if data.startswith(PREFIX) else f"{PREFIX};base64,{data}", value, value)
    if isinstance(name, str) and name:
        return _file_data(name, None, value, value)
    return value


def _inline(url: str, told: Mapping[str, Any], given: Any) -> V3File:
    name = told.get("orig_name") or told.get("name")
    if not isinstance(name, str) or not name:
        name = ("image" if url.startswith("data:image/") else "file") + extension_of(url)
    return _file_data(name, url, told, given)


def _file_data(path: str, url: Optional[str], told: Mapping[str, Any], given: Any) -> V3File:
    fields = {key: told.get(key) for key in ("size", "orig_name", "mime_type")}
    stream = bool(told.get("is_stream"))
    return V3File.of({"path": path, "url": url, **fields, "is_stream": stream, "meta": new_meta()}, given)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2


def is_update(value: Any) -> bool:
    """Whether a value changes its component's properties too."""
    return isinstance(value, dict) and value.get("__type__") == "update"


def is_list(value: Any) -> bool:
    """Whether it is a list; callers may write a tuple."""
    return isinstance(value, (list, tuple))
