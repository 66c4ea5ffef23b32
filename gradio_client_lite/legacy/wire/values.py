"""Arguments of Gradio 3: from the form that callers know from Gradio 4 to that of each component.

Callers mark files with `handle_file`, whatever the server's release. Gradio 3 knows no such mark, and each of
its components has a form of its own: an image is base64 text, any other file `{"name", "data", "is_file"}`, a
captioned image a pair, and so on. Values that have such a form already are sent as they are.

Sources: `preprocess` of gradio/components in 3.1.7, 3.18.0, 3.23.0, 3.35.2 and 3.50.2; the data models of
gradio/components in 4.44.1 for what callers pass.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from ...wire.config import ComponentSpec, EndpointSpec

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
    """How a file among the arguments is sent.

    Args:
        kind: of the component.
        whole: whether the file is the component's value, not somewhere in it.
        uploads: whether the server has `/upload`.

    Returns:
        "text", as a data: URL; "json", as the JSON that is in it; "inline", as a dict with the content in
        base64; or "uploaded", as a dict with its place on the server.
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


def is_update(value: Any) -> bool:
    """Whether a value changes its component's properties too."""
    return isinstance(value, dict) and value.get("__type__") == "update"


def is_list(value: Any) -> bool:
    """Whether it is a list; callers may write a tuple."""
    return isinstance(value, (list, tuple))
