"""An app's `/config` as a frozen AppSpec.

Servers add fields in every release and authors write components of their own, so a field that is absent or of
the wrong kind takes its default; only what cannot be a Gradio config at all is refused.

Sources: `get_config_file` and `BlockFunction.get_config` of gradio/blocks.py in 4.16.0 – 6.31.0.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ..errors import UnsupportedAppError, shown
from ..light import NamedTuple, pattern
from .dialect import Version
from .refusal import login_wanted
from .schema import contains_file, is_index, mapping
from .texts import text_of
from .urls import bare_url

# Plain segments, none of them "." or "..": no scheme or host, and nothing that ends a path.
_PREFIX = pattern(r"[A-Za-z0-9._~/-]+\Z")
_LONGEST_PREFIX = 200
# Components that hold no value, or one no caller should see, on servers that do not send `skip_api` (3.x).
_SKIPPED_TYPES = frozenset(
    (
        "state",
        "row",
        "column",
        "tabs",
        "tab",
        "tabitem",
        "box",
        "form",
        "accordion",
        "group",
        "interpretation",
        "dataset",
        "sidebar",
    )
)


class ComponentSpec(NamedTuple):
    """One input or output of an endpoint.

    Args:
        id: the component's number in the config.
        type: its kind in lower case, such as "textbox"; "unknown" when the config does not list it.
        label: what the author called it; "" when nothing.
        skip: its value is not part of the API: outputs drop it.
        is_state: it is session state, which the server keeps; None is sent in its place.
        value_is_file: its value is, or contains, a file.
        serializer: what Gradio 3 calls the form of its values, for components derived from others; else "".
        takes_files: whether its value may be, or contain, a file when it is passed; so may one of which
            nothing is known.
        is_open: it takes other values than its choices.
    """

    id: int
    type: str
    label: str
    skip: bool
    is_state: bool
    value_is_file: bool
    serializer: str = ""
    takes_files: bool = True
    is_open: bool = False


class EndpointSpec(NamedTuple):
    """One function of the app.

    Args:
        fn_index: the number requests name it by.
        api_name: "/predict", with its slash; None when it has no name, False when the author withheld one.
        inputs: the components its arguments come from, skipped ones included, in order.
        outputs: the components its results go to, likewise.
        is_valid: whether clients may call it.
        visibility: "public", "undocumented" (callable, not listed) or "private" (neither).
        backend_fn: whether it runs on the server; False for JavaScript-only functions.
        queue: True or False as the author said; None for the app's default, which is to queue.
        generator: whether it yields several results.
        batch: whether its function takes and returns lists of values.
        cancels: the fn_index of each function that calling this one cancels.
        streamed: whether a page feeds it chunk by chunk (`.stream()`, 5.0 on); a call is one chunk.
        timed: whether the server limits the time of its runs on such a stream.
    """

    fn_index: int
    api_name: Union[str, bool, None]
    inputs: Tuple[ComponentSpec, ...]
    outputs: Tuple[ComponentSpec, ...]
    is_valid: bool
    visibility: str
    backend_fn: bool
    queue: Optional[bool]
    generator: bool
    batch: bool
    cancels: Tuple[int, ...]
    streamed: bool = False
    timed: bool = False

    @property
    def arguments(self) -> List[ComponentSpec]:
        """The inputs for which a value is sent, in order."""
        return [component for component in self.inputs if component.is_state or not component.skip]

    @property
    def has_state(self) -> bool:
        """Whether its jobs depend on the session they belong to."""
        return any(component.is_state for component in (*self.inputs, *self.outputs))


class AppSpec(NamedTuple):
    """What a config says of an app.

    Args:
        version: the Gradio version of the server.
        protocol: "ws", "sse", "sse_v1", "sse_v2", "sse_v2.1" or "sse_v3".
        api_prefix: what stands between the app's URL and a route: "" or, from Gradio 5, "gradio_api/".
        endpoints: the functions, by fn_index, in the order of the config.
        connect_heartbeat: whether the app wants a heartbeat; None when it does not say (before 4.42).
        has_state: whether any component is session state.
        max_file_size: bytes an uploaded file may have; None means no limit.
        enable_queue: whether functions that do not say otherwise are queued, as the config of a Gradio 3 app
            says; later ones always queue them.
    """

    version: Version
    protocol: str
    api_prefix: str
    endpoints: Dict[int, EndpointSpec]
    connect_heartbeat: Optional[bool]
    has_state: bool
    max_file_size: Optional[int]
    enable_queue: bool


def parse_config(raw: Any, url: str) -> AppSpec:
    """Reads an app's config.

    Args:
        raw: the decoded JSON of `/config`, or of `window.gradio_config` in the app's page.
        url: where it came from; for error texts only.

    Raises:
        UnsupportedAppError: it is not the config of a Gradio app, or of one older than 3.0, or names a prefix
            that leads elsewhere.
        AuthenticationError: it is the stub a server shows before login.

    Example:
        >>> spec = parse_config({"version": "6.31.0", "protocol": "sse_v3", "dependencies": []}, "http://host/")
        >>> spec.protocol, spec.endpoints
        ('sse_v3', {})
    """
    dependencies = _require_dependencies(raw, url)
    components = _Components(raw.get("components"))
    endpoints: Dict[int, EndpointSpec] = {}
    for position, dependency in enumerate(dependencies):
        if isinstance(dependency, dict):
            endpoint = _parse_endpoint(dependency, position, components)
            endpoints[endpoint.fn_index] = endpoint
    heartbeat = raw.get("connect_heartbeat")
    return AppSpec(
        version=Version.parse(raw.get("version")),
        protocol=_text(raw.get("protocol"), "ws"),
        api_prefix=_prefix(raw.get("api_prefix"), bare_url(url)),
        endpoints=endpoints,
        connect_heartbeat=heartbeat if isinstance(heartbeat, bool) else None,
        has_state=components.has_state,
        max_file_size=_size(raw.get("max_file_size")),
        enable_queue=raw.get("enable_queue") is True,
    )


def has_page(config: Mapping[str, Any], name: str) -> bool:
    """Whether an app has a page at this path below it; "" is the one at its own URL.

    The config of an app that can have several lists them as [path, title, …] (5.50, 6.31).
    """
    pages = config.get("pages")
    return isinstance(pages, list) and any(isinstance(page, list) and page[:1] == [name] for page in pages)


def endpoint_visibility(dependency: Mapping[str, Any]) -> str:
    """Who may see an endpoint, given as in a config or an `/info`: "public", "undocumented" or "private".

    Gradio 6 sends `api_visibility`; before it, `api_name=False` meant private and `show_api=False`
    undocumented.
    """
    stated = dependency.get("api_visibility")
    if dependency.get("api_name") is False or stated == "private":
        return "private"
    if stated in ("public", "undocumented"):
        return str(stated)
    return "undocumented" if dependency.get("show_api") is False else "public"


def is_skipped(component: Mapping[str, Any]) -> bool:
    """Whether a component of a config is no part of the API; from Gradio 4 on it says so itself."""
    skip = component.get("skip_api")
    return skip if isinstance(skip, bool) else _text(component.get("type"), "") in _SKIPPED_TYPES


class _Components:
    """The components of a config by id; makes the spec of each once, when an endpoint first names it."""

    def __init__(self, raw: Any) -> None:
        listed = (
            [component for component in raw if isinstance(component, dict)] if isinstance(raw, list) else []
        )
        self._raw = {item["id"]: item for item in listed if is_index(item.get("id"))}
        self._specs: Dict[int, ComponentSpec] = {}
        self.has_state = any(component.get("type") == "state" for component in listed)

    def specs(self, ids: Any) -> Tuple[ComponentSpec, ...]:
        return tuple([self._spec(id_) for id_ in ids]) if isinstance(ids, list) else ()

    def _spec(self, id_: Any) -> ComponentSpec:
        if not is_index(id_):
            return _parse_component(-1, {})
        spec = self._specs.get(id_)
        if spec is None:
            spec = self._specs[id_] = _parse_component(id_, self._raw.get(id_, {}))
        return spec


def _parse_component(id_: int, raw: Mapping[str, Any]) -> ComponentSpec:
    type_ = _text(raw.get("type"), "unknown")
    props = mapping(raw.get("props"))
    schema = raw.get("api_info")
    is_file = contains_file(schema)
    taken = raw.get("api_info_as_input", schema)  # some components have another (gradio/blocks.py 5.50, 6.31)
    return ComponentSpec(
        id=id_,
        type=type_,
        label=text_of(props.get("label")) or "",
        skip=is_skipped(raw),
        is_state=type_ == "state",
        value_is_file=is_file,
        serializer=_text(raw.get("serializer"), ""),
        takes_files=is_file or not isinstance(taken, dict) or (taken != schema and contains_file(taken)),
        is_open=props.get("allow_custom_value") is True,
    )


def _parse_endpoint(dependency: Mapping[str, Any], position: int, components: _Components) -> EndpointSpec:
    fn_index: Any = dependency.get("id")
    api_name = dependency.get("api_name")
    queue = dependency.get("queue")
    types = dependency.get("types")
    visibility = endpoint_visibility(dependency)
    return EndpointSpec(
        fn_index=fn_index if is_index(fn_index) else position,
        api_name="/" + api_name if isinstance(api_name, str) else False if api_name is False else None,
        inputs=components.specs(dependency.get("inputs")),
        outputs=components.specs(dependency.get("outputs")),
        is_valid=visibility != "private",
        visibility=visibility,
        backend_fn=bool(dependency.get("backend_fn")),
        queue=queue if isinstance(queue, bool) else None,
        generator=bool(types.get("generator")) if isinstance(types, dict) else False,
        batch=bool(dependency.get("batch")),
        cancels=tuple(_indexes(dependency.get("cancels"))),
        streamed=dependency.get("connection") == "stream",
        timed=dependency.get("time_limit") is not None,
    )


def _require_dependencies(raw: Any, url: str) -> List[Any]:
    if not isinstance(raw, dict):
        raise UnsupportedAppError(f"{bare_url(url)} is not a Gradio app: its config is not a JSON object.")
    if "allow_flagging" in raw:
        raise UnsupportedAppError(
            "Gradio 2.x is not supported by this client. "
            "Please upgrade your Gradio app to Gradio 3.x or higher."
        )
    dependencies = raw.get("dependencies")
    # In the page of an app that wants a login there is a stub, from 5.50 on with an empty list.
    if isinstance(dependencies, list) and (dependencies or not raw.get("auth_required")):
        return dependencies
    if raw.get("auth_required"):
        raise login_wanted(bare_url(url))
    raise UnsupportedAppError(
        f"{bare_url(url)} is not a Gradio app this client can call: its config lists no dependencies. "
        "Check that the URL is that of the app itself."
    )


def _prefix(value: Any, url: str) -> str:
    name = _text(value, "").strip("/")
    upward = {"", ".", ".."}.intersection(name.split("/"))
    if name and (upward or len(name) > _LONGEST_PREFIX or not _PREFIX.match(name)):
        raise UnsupportedAppError(
            f"The app at {url} names the api_prefix {shown(name)}, which is no path below it that a client "
            "may ask for. The server is no Gradio app, or a broken one; report it to its owner."
        )
    return name + "/" if name else ""


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) else default


def _indexes(value: Any) -> List[int]:
    return [item for item in value if is_index(item)] if isinstance(value, list) else []


def _size(value: Any) -> Optional[int]:
    """A number of bytes; JSON may write it as a float, and NaN or an infinity is no limit at all."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**63:
        return None
    return int(value)
