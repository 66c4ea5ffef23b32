"""Endpoint: one API function of an app; arguments in, shaped outputs out.

What the config says of it is known at once. Parameter names and defaults are in the app's description, which
may have to be waited for: only what says so asks for it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import ProtocolError, UnknownEndpointError, shorten
from ..secrecy import Secrets
from ..wire.arguments import bind
from ..wire.config import EndpointSpec
from ..wire.texts import printable, sendable
from .official import dependency_of

if TYPE_CHECKING:
    from .app import App

Info = Callable[[], Mapping[str, Any]]

#: Characters of an endpoint's name, which the app has chosen, that texts show.
_LONGEST_LABEL = 200
#: Endpoints that an error lists; those whose names it compares with a wrong one, and characters of each.
_MOST_LISTED, _MOST_COMPARED, _LONGEST_COMPARED = 10, 300, 40
_NONE = Secrets()
_AMBIGUOUS = "This Gradio app might have multiple endpoints. Please specify an `api_name` or `fn_index`"


class Endpoint:
    """What can be called under one `api_name` or `fn_index`.

    Args:
        spec: what the app's config says of it.
        info: gives the app's API description; called only when it is needed.
        secrets: what the app may not have texts show by naming it so.
        app: whose it is; None leaves `protocol`, `root_url` and `dependency` empty.

    Attributes:
        fn_index: the number requests name it by.
        api_name: its name with a leading slash; None without one, False when it is private.
        label: what texts call it.
        is_valid: whether it may be called.
        is_public: whether it is listed, named and runs on the server: what a call without a name may mean.
        backend_fn, api_visibility, protocol, root_url, input_component_types, output_component_types: what
            the official client has under these names, for scripts that read it.
    """

    def __init__(
        self, spec: EndpointSpec, info: Info, secrets: Secrets = _NONE, app: Optional[App] = None
    ) -> None:
        self.spec = spec
        self.fn_index = spec.fn_index
        self.api_name: Union[str, bool, None] = spec.api_name
        self.is_valid = spec.is_valid
        named = isinstance(spec.api_name, str)
        self.is_public = named and spec.is_valid and spec.backend_fn and spec.visibility == "public"
        text = secrets.blank(str(spec.api_name)) if named else f"fn_index={spec.fn_index}"
        self.label = shorten(text, _LONGEST_LABEL)
        self.backend_fn, self.api_visibility = spec.backend_fn, spec.visibility
        self.input_component_types, self.output_component_types = spec.inputs, spec.outputs
        self.protocol, self.root_url = (app.spec.protocol, app.routes.api) if app else ("", "")
        self._app = app
        self._info = info
        self._visible_inputs = sum(not component.skip for component in spec.inputs)
        self._states = [place for place, component in enumerate(spec.inputs) if component.is_state]
        self._kept = tuple(place for place, component in enumerate(spec.outputs) if not component.skip)

    @property
    def dependency(self) -> Dict[str, Any]:
        """What the app's config says of it, as it was sent."""
        return dependency_of(self._app.config if self._app else {}, self.fn_index)

    @property
    def parameters_info(self) -> Optional[List[Dict[str, Any]]]:
        """The `parameters` of its API description; None when there is none."""
        described = self._described()
        return None if described is None else described.get("parameters")

    @property
    def takes_oauth_token(self) -> bool:
        """Whether its function declares a `gr.OAuthToken`."""
        return bool((self._described() or {}).get("oauth_token"))

    def _described(self) -> Optional[Dict[str, Any]]:
        info = self._info()
        named = info.get("named_endpoints", {}).get(self.spec.api_name)
        found = named or info.get("unnamed_endpoints", {}).get(str(self.fn_index))
        return found if isinstance(found, dict) else None

    def is_complete(self, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether these are all arguments, by position, so that binding them needs no description."""
        return not kwargs and len(args) >= self._visible_inputs

    def arguments(self, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> List[Any]:
        """The values to send, one for each input component that takes one.

        Raises:
            ArgumentError: an argument is missing, unknown or given twice.
        """
        if kwargs or len(args) < self._visible_inputs:
            values = bind(self.parameters_info, args, kwargs)
        else:
            values = list(args)
        if not self._states:
            return values
        rest = iter(values)
        full: List[Any] = []
        for place in self._states:  # State is the server's: None is sent in its place
            full += islice(rest, place - len(full))
            full.append(None)
        return [*full, *rest]

    def argument_name(
        self, place: int, values: Sequence[Any], kwargs: Mapping[str, Any], *, described: bool
    ) -> str:
        """What an error text calls one of the values to send.

        Args:
            place: its place among them.
            values: all of them.
            kwargs: those that were given by name.
            described: whether the app's description is at hand; else it is not asked for.
        """
        for name, value in kwargs.items():
            if value is values[place]:
                return f"argument `{name}`"
        components = self.spec.arguments
        parameters = (self.parameters_info or ()) if described else ()
        visible = place - sum(component.is_state for component in components[:place])
        if visible < len(parameters) and isinstance(parameters[visible].get("parameter_name"), str):
            return f"argument `{parameters[visible]['parameter_name']}`"
        label = components[place].label if place < len(components) else ""
        return f"argument {place}" + (f" ({label!r})" if label else "")

    def shape(self, data: List[Any]) -> Any:
        """What the caller gets: one value as it is, several as a tuple, skipped components dropped.

        Raises:
            ProtocolError: the server sent fewer values than the function has outputs.
        """
        kept = self._kept
        if kept and len(data) <= kept[-1]:
            raise ProtocolError(
                f"The server sent {len(data)} values for {len(self.spec.outputs)} outputs of {self.label}."
            )
        return data[kept[0]] if len(kept) == 1 else tuple([data[place] for place in kept])

    def __repr__(self) -> str:
        name = self.label if isinstance(self.api_name, str) else self.api_name
        return f"Endpoint(api_name={name!r}, fn_index={self.fn_index})"


def find_endpoint(
    endpoints: Mapping[int, Endpoint], api_name: Optional[str], fn_index: Optional[int]
) -> Endpoint:
    """The endpoint a call means.

    Args:
        endpoints: all of the app's, by fn_index.
        api_name: its name with the leading slash; the first match counts. Wins over `fn_index`.
        fn_index: its number. With neither, the one public endpoint of the app.

    Raises:
        UnknownEndpointError: there is none, or more than one and none was named.
    """
    if api_name is not None:
        for endpoint in endpoints.values():
            if endpoint.api_name == api_name and endpoint.is_valid:
                return endpoint
        name = str(sendable(api_name, "api_name"))
        raise UnknownEndpointError(
            f"Cannot find a function with `api_name`: {name}.{_suggestion(endpoints, name)}"
        )
    if fn_index is not None:
        try:
            found = endpoints.get(fn_index)
        except TypeError:  # it cannot be hashed
            found = None
        if found is None or not found.is_valid:
            raise UnknownEndpointError(
                f"Invalid function index: {fn_index}.{_listed(endpoints, numbered=True)}"
            )
        return found
    public = [endpoint for endpoint in endpoints.values() if endpoint.is_public]
    if len(public) != 1:
        raise UnknownEndpointError(f"{_AMBIGUOUS}.{_listed(endpoints)}")
    return public[0]


def _suggestion(endpoints: Mapping[int, Endpoint], name: str) -> str:
    """What else a name that no endpoint has may mean."""
    from difflib import get_close_matches

    labels = {endpoint.label: None for endpoint in endpoints.values() if endpoint.is_public}  # each once
    hint = "" if name.startswith("/") else " Did you mean to use a leading slash?"
    if hint and f"/{name}" in labels:
        return hint
    # The time to compare two names grows with the square of their length.
    compared = {label[:_LONGEST_COMPARED]: label for label in islice(labels, _MOST_COMPARED)}
    near = get_close_matches(f"/{name.lstrip('/')}"[:_LONGEST_COMPARED], compared)
    if near:
        hint = f" Did you mean {' or '.join(printable(compared[each]) for each in near)}?"
    return hint + _listed(endpoints)


def _listed(endpoints: Mapping[int, Endpoint], *, numbered: bool = False) -> str:
    """The first of the endpoints that can be called by a name, and how to see all."""
    public = [endpoint for endpoint in endpoints.values() if endpoint.is_public]
    if not public:
        return " The app has none with a name; client.view_api() describes those that it has."
    names = [
        f"{endpoint.fn_index} ({printable(endpoint.label)})" if numbered else printable(endpoint.label)
        for endpoint in public[:_MOST_LISTED]
    ]
    more = f" and {len(public) - len(names)} more" if len(public) > len(names) else ""
    return f" The app has {', '.join(names)}{more}; client.view_api() describes them."
