"""Python functions as API functions: what they take and give, and how one is run."""

from __future__ import annotations

import functools
import inspect
import json
import typing
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple, Union

from ..errors import ArgumentError
from .function import Function
from .schema import Schema, output_hints, schema_of

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
class Endpoint:
    """An API function of the app: a `Function`, its place and its signature."""

    index: int
    api_name: str
    function: Function
    parameters: Tuple[Parameter, ...]
    outputs: Tuple[Schema, ...]
    generator: bool
    takes_rest: bool

    def call(self, data: List[Any]) -> List[Any]:
        """Run a function that is no generator; gives its output values as plain JSON values.

        Raises:
            ValueError: too few inputs came in, or too few values came out.
        """
        result = self._invoke(data)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        return self._values(result)

    def iterate(self, data: List[Any]) -> Iterator[List[Any]]:
        """Run a generator; gives each of its steps as `call` does. Closing it closes the generator."""
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


def endpoints_of(functions: Mapping[str, Union[Function, Callable[..., Any]]]) -> Dict[int, Endpoint]:
    """Number the functions and read their signatures.

    Raises:
        ArgumentError: a name has no leading slash or others too, or a value is no function.
    """
    described: Dict[int, Endpoint] = {}
    for index, (api_name, fn) in enumerate(functions.items()):
        if not api_name.startswith("/") or "/" in api_name[1:] or not api_name[1:]:
            raise ArgumentError(
                f"An API name is one word after a slash, such as '/predict', not {api_name!r}."
            )
        described[index] = _describe(index, api_name[1:], fn if isinstance(fn, Function) else Function(fn))
    return described


def _describe(index: int, api_name: str, function: Function) -> Endpoint:
    target = _target(function.fn)
    hints = _hints(target)
    streams = inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target)
    parameters, takes_rest = _parameters(function.fn, hints)
    return Endpoint(
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
    """What clients call a parameter; a name that `predict` itself uses is replaced."""
    return f"param_{place}" if parameter.name in _RESERVED else parameter.name


def plain(value: Any) -> Any:
    """What a client receives for `value`: tuples become lists, NaN becomes None, the unknown its str().

    The result shares nothing with `value`, so a function may go on changing what it has yielded.
    The same rules as orjson's with `default=str`, which Gradio encodes with (gradio/routes.py 6.31.0).

    Raises:
        TypeError: a mapping has keys that JSON does not know.
        ValueError: `value` contains itself.
    """
    return json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
