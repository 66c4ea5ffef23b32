"""Python functions as API functions: options and signature of each, and what it tells its caller."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import json
import logging
import typing
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Literal,
    Mapping,
    Optional,
    Tuple,
    Union,
    get_args,
    get_origin,
)

from ..errors import ArgumentError

Send = Callable[[Dict[str, Any]], object]
Schema = Dict[str, Any]

_VISIBILITIES = ("public", "undocumented", "private")

_logger = logging.getLogger(__name__)
_send: ContextVar[Optional[Send]] = ContextVar("send", default=None)


@dataclass(frozen=True)
class Function:
    """A function and how the app is to serve it.

    Args:
        fn: what is called. A generator streams its values; coroutine functions and asynchronous
            generators work too.
        queue: False makes clients run it by one direct request instead of through the queue.
        concurrency: how many calls may run at once; None means as many as the app has threads.
        outputs: how many values it gives; None means as its return annotation says
            (`Tuple[int, str]` two, `None` none), and one without an annotation.
        api_visibility: "public"; "undocumented", callable but not described; "private", for clients
            not callable.

    Example:
        >>> from gradio_client_lite.testing import Function, serve
        >>> with serve({"/slow": Function(str.upper, concurrency=1)}) as app:
        ...     print(app)  # doctest: +ELLIPSIS
        <App http://127.0.0.1:.../ [/slow]>
    """

    fn: Callable[..., Any]
    queue: bool = True
    concurrency: Optional[int] = None
    outputs: Optional[int] = None
    api_visibility: str = "public"

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise ArgumentError(f"A function is needed, not {self.fn!r}.")
        if self.concurrency is not None and self.concurrency < 1:
            raise ArgumentError(f"concurrency must be at least 1 or None, not {self.concurrency}.")
        if self.outputs is not None and self.outputs < 0:
            raise ArgumentError(f"outputs must be 0, more, or None, not {self.outputs}.")
        if self.api_visibility not in _VISIBILITIES:
            raise ArgumentError(f"api_visibility is one of {_VISIBILITIES}, not {self.api_visibility!r}.")


@contextmanager
def reporting(send: Send) -> Iterator[None]:
    """Pass `info`, `warning` and `progress` to `send` within this block, as server messages."""
    token = _send.set(send)
    try:
        yield
    finally:
        _send.reset(token)


def info(message: str, *, duration: Optional[float] = 10, visible: bool = True, title: str = "Info") -> None:
    """Send the caller a log line, as `gr.Info` does.

    Call it from a served function, in the thread that runs it. Where no queued call is running
    (a direct call, a test of the function itself) the line goes to this package's logger.

    Args:
        message: the text.
        duration: seconds a user interface should show it; None or 0 means until closed.
        visible: whether a user interface should show it at all.
        title: the heading above it.

    Example:
        >>> def slow(text: str) -> str:
        ...     info("Working on it")
        ...     return text
    """
    _log("info", message, duration, visible, title)


def warning(
    message: str, *, duration: Optional[float] = 10, visible: bool = True, title: str = "Warning"
) -> None:
    """Send the caller a warning, as `gr.Warning` does. The arguments are those of `info`."""
    _log("warning", message, duration, visible, title)


def progress(
    index: Optional[float] = None,
    length: Optional[float] = None,
    unit: Optional[str] = "steps",
    desc: Optional[str] = None,
    *,
    fraction: Optional[float] = None,
) -> None:
    """Tell the caller how far the work is, as `gr.Progress()` does. Does nothing outside a queued call.

    Args:
        index: steps done; None when only a fraction is known.
        length: steps in all; None means not known.
        unit: what a step is called.
        desc: what is being done.
        fraction: 0.0 to 1.0, instead of `index` and `length`.

    Example:
        >>> def slow(count: int) -> int:
        ...     for i in range(count):
        ...         progress(i, count, desc="Counting")
        ...     return count
    """
    # ProgressUnit of gradio/server_messages.py 6.31.0.
    unit_data = {"index": index, "length": length, "unit": unit, "progress": fraction, "desc": desc}
    send = _send.get()
    if send is not None:
        send({"msg": "progress", "progress_data": [unit_data]})


def _log(level: str, message: str, duration: Optional[float], visible: bool, title: str) -> None:
    send = _send.get()
    if send is None:
        _logger.log(logging.WARNING if level == "warning" else logging.INFO, "%s", message)
        return
    # LogMessage of gradio/server_messages.py 6.31.0.
    fields = {"log": message, "level": level, "duration": duration, "visible": visible, "title": title}
    send({"msg": "log", **fields})


# Python may call these names in `predict`, so Gradio renames such parameters (gradio/blocks.py 6.31.0).
_RESERVED = frozenset(("api_name", "fn_index", "result_callbacks"))


@dataclass(frozen=True)
class Parameter:
    """One input of an API function."""

    name: str
    keyword: bool
    schema: Schema
    has_default: bool
    default: Any


@dataclass(frozen=True)
class ServedFunction:
    """An API function of the app: a `Function`, its number and its signature."""

    index: int
    api_name: str
    function: Function
    parameters: Tuple[Parameter, ...]
    outputs: Tuple[Schema, ...]
    generator: bool
    takes_rest: bool

    def call(self, data: List[Any]) -> List[Any]:
        """Run a function that is no generator; return its output values as plain JSON values.

        Raises:
            ValueError: too few inputs came in, or too few values came out.
        """
        result = self._invoke(data)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        return self._values(result)

    def iterate(self, data: List[Any]) -> Iterator[List[Any]]:
        """Run a generator; yield each step as `call` returns it. Closing this closes the generator."""
        steps: Any = self._invoke(data)
        if not inspect.isgenerator(steps):
            steps = _steps_of_async(steps)
        try:
            for step in steps:
                yield self._values(step)
        finally:
            steps.close()

    def _invoke(self, data: List[Any]) -> Any:
        wanted = len(self.parameters)
        if len(data) < wanted:
            # Too many are ignored, too few fail the call; clients fill in defaults. The text is the first
            # line of a real server's (validate_inputs of gradio/blocks.py 6.31.0).
            raise ValueError(
                f"An event handler ({self.api_name}) didn't receive enough input values "
                f"(needed: {wanted}, got: {len(data)})."
            )
        pairs = list(zip(self.parameters, data))
        rest = data[wanted:] if self.takes_rest else []
        positional = [value for parameter, value in pairs if not parameter.keyword]
        named = {parameter.name: value for parameter, value in pairs if parameter.keyword}
        return self.function.fn(*positional, *rest, **named)

    def _values(self, result: Any) -> List[Any]:
        count = len(self.outputs)
        if count == 1:
            return [plain(result)]
        given = result if isinstance(result, (list, tuple)) else [result][:count]
        if len(given) < count:
            raise ValueError(f"The function {self.api_name} gives {count} values, but returned {len(given)}.")
        return [plain(value) for value in given[:count]]


def _steps_of_async(agen: Any) -> Iterator[Any]:
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                step = loop.run_until_complete(agen.__anext__())
            except StopAsyncIteration:
                return
            yield step
    finally:
        loop.run_until_complete(agen.aclose())
        loop.close()


def number_functions(
    functions: Mapping[str, Union[Function, Callable[..., Any]]],
) -> Dict[int, ServedFunction]:
    """Number the functions and read their signatures; ArgumentError for a wrong name or value."""
    numbered: Dict[int, ServedFunction] = {}
    for index, (api_name, fn) in enumerate(functions.items()):
        if not api_name.startswith("/") or "/" in api_name[1:] or not api_name[1:]:
            raise ArgumentError(
                f"An API name is one word after a slash, such as '/predict', not {api_name!r}."
            )
        numbered[index] = _describe(index, api_name[1:], fn if isinstance(fn, Function) else Function(fn))
    return numbered


def _describe(index: int, api_name: str, function: Function) -> ServedFunction:
    target = _target(function.fn)
    hints = _hints(target)
    streams = inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target)
    parameters, takes_rest = _parameters(function.fn, hints)
    return ServedFunction(
        index=index,
        api_name=api_name,
        function=function,
        parameters=parameters,
        outputs=_outputs(function, hints, streams),
        generator=streams,
        takes_rest=takes_rest,
    )


def _target(fn: Any) -> Any:
    """The function behind a partial or a callable object: the one with annotations and a kind."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn if inspect.isroutine(fn) or inspect.isclass(fn) else type(fn).__call__


def _hints(target: Any) -> Dict[str, Any]:
    try:
        return typing.get_type_hints(target)
    except Exception:  # annotations that cannot be read mean no annotations, whatever is wrong with them
        return {}


def _parameters(fn: Callable[..., Any], hints: Mapping[str, Any]) -> Tuple[Tuple[Parameter, ...], bool]:
    try:
        signature = inspect.signature(fn)
    except ValueError:  # some built-in functions have none
        return (), True
    rest = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    declared = [parameter for parameter in signature.parameters.values() if parameter.kind not in rest]
    named = tuple(_parameter(parameter, hints) for parameter in declared)
    takes_rest = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in signature.parameters.values())
    return named, takes_rest


def _parameter(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
    has_default = parameter.default is not inspect.Parameter.empty
    return Parameter(
        name=parameter.name,
        keyword=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        schema=schema_of(hints[parameter.name]) if parameter.name in hints else {},
        has_default=has_default,
        default=plain(parameter.default) if has_default else None,
    )


def _outputs(function: Function, hints: Mapping[str, Any], streams: bool) -> Tuple[Schema, ...]:
    declared: Tuple[Any, ...] = (Any,)
    if "return" in hints:
        declared = output_hints(hints["return"], streams=streams)
    if function.outputs is None or function.outputs == len(declared):
        return tuple(schema_of(hint) for hint in declared)
    return ({},) * function.outputs


def public_name(parameter: Parameter, place: int) -> str:
    """The name of a parameter for clients; one that `predict` itself uses is replaced."""
    return f"param_{place}" if parameter.name in _RESERVED else parameter.name


def plain(value: Any) -> Any:
    """Copy a value as a client receives it: tuples become lists, NaN becomes None, the unknown its str().

    The result shares nothing with `value`, so a function may go on changing what it has yielded.
    The same rules as orjson's with `default=str`, which Gradio encodes with (gradio/routes.py 6.31.0).

    Raises:
        TypeError: a mapping has keys that JSON does not know.
        ValueError: `value` contains itself.
    """
    return json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)


# -- annotations as JSON schemas, as `gr.api` writes them into an app's description

_SIMPLE: Dict[Any, Schema] = {
    type(None): {"type": "null"},
    None: {"type": "null"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object", "additionalProperties": {}},
    list: {"type": "array", "items": {}},
    tuple: {"type": "array"},
}

_STREAMS = (
    collections.abc.Generator,
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
)


def schema_of(hint: Any) -> Schema:
    """The JSON schema of an annotation; `{}`, which means anything, for what it does not know.

    Follows `python_type_to_json_schema` of gradio_client 2.7.2 (utils.py).
    """
    try:
        simple = _SIMPLE.get(hint)
    except TypeError:  # an unhashable annotation
        return {}
    if simple is not None:
        return dict(simple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    return _generic(get_origin(hint), get_args(hint))


def _generic(origin: Any, arguments: Tuple[Any, ...]) -> Schema:
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if _is_union(origin):
        return _union(arguments)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin is tuple:
        return _tuple(arguments)
    return {}


def _union(arguments: Tuple[Any, ...]) -> Schema:
    others = [schema_of(argument) for argument in arguments if argument is not type(None)]
    if len(others) == 1:
        return {"oneOf": [{"type": "null"}, others[0]]}
    return {"anyOf": [schema_of(argument) for argument in arguments]}


def _tuple(arguments: Tuple[Any, ...]) -> Schema:
    if len(arguments) == 2 and arguments[1] is ...:
        return {"type": "array", "items": schema_of(arguments[0])}
    size = len(arguments)
    return {
        "type": "array",
        "prefixItems": [schema_of(one) for one in arguments],
        "minItems": size,
        "maxItems": size,
    }


def _is_union(origin: Any) -> bool:
    """Whether `get_origin` returned that of `Union[...]`, or of `X | Y` from Python 3.10 on."""
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def output_hints(returned: Any, *, streams: bool) -> Tuple[Any, ...]:
    """The annotation of each output, from that of the return value; of a generator, what it yields counts."""
    if streams:
        returned = get_args(returned)[0] if get_origin(returned) in _STREAMS and get_args(returned) else Any
    if returned is None or returned is type(None):
        return ()
    arguments = get_args(returned)
    if get_origin(returned) is tuple and arguments[1:] != (...,):
        return arguments
    return (returned,)
