"""Listing: the API of an app as text, which `Client.view_api` prints.

The text is that of the official client 2.7.2, character by character, since programs and prompts are made
from it; but where that writes different values alike, they are told apart. The info it is made from comes
from the network, so rendering is total: what is missing or of the wrong kind reads `Any`, and nothing raises.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, List, Optional

from ..wire.info import sanitize_parameter_names
from ..wire.schema import mapping, with_choices
from ..wire.texts import text_of

# Nesting after which a default value is cut off with "..."; far above what any component declares.
_MAX_DEPTH = 100
# Characters of a default that is a data: URL (Gradio 3), after which it is cut off with "...".
_MAX_DATA = 40


def render(info: Any, all_endpoints: Optional[bool] = None) -> str:
    """Writes the API of an app for people to read.

    Args:
        info: what `clean_info` or `derive_info` gave.
        all_endpoints: True to describe unnamed endpoints too, False to only count them; None means True
            when the app has no named ones, else False.

    Example:
        >>> print(render({"named_endpoints": {}, "unnamed_endpoints": {}}))
        Client.predict() Usage Info
        ---------------------------
        Named API endpoints: 0
        <BLANKLINE>
        Unnamed API endpoints: 0
        <BLANKLINE>
    """
    named = mapping(mapping(info).get("named_endpoints"))
    unnamed = mapping(mapping(info).get("unnamed_endpoints"))
    if all_endpoints is None:
        all_endpoints = not named
    text = f"Client.predict() Usage Info\n---------------------------\nNamed API endpoints: {len(named)}\n"
    text += "".join([_endpoint(f'api_name="{name}"', endpoint) for name, endpoint in named.items()])
    if all_endpoints:
        text += f"\nUnnamed API endpoints: {len(unnamed)}\n"
        text += "".join([_endpoint(f"fn_index={index}", endpoint) for index, endpoint in unnamed.items()])
    elif unnamed:
        text += f"\nUnnamed API endpoints: {len(unnamed)}, to view, run Client.view_api(all_endpoints=True)\n"
    return text


def _endpoint(address: str, endpoint: Any) -> str:
    parameters = _items(endpoint, "parameters")
    returns = _items(endpoint, "returns")
    # A lone label without a letter in it leaves no name at all, and then no comma either.
    names = ", ".join([_parameter_name(parameter) for parameter in parameters])
    arguments = names + ", " if names else ""
    results = ", ".join([_label(item) for item in returns])
    if len(returns) > 1:
        results = f"({results})"
    text = f"\n - predict({arguments}{address}) -> {results}\n"
    oauth_token = mapping(endpoint).get("oauth_token")
    if oauth_token:
        text += (
            "    Acts on your behalf: this endpoint takes your Hugging Face token "
            f"({_shown(oauth_token)}). Pass it with Client(..., oauth_token=...) to grant it.\n"
        )
    text += "    Parameters:\n" + ("".join(map(_parameter, parameters)) or "     - None\n")
    return text + "    Returns:\n" + ("".join(map(_return, returns)) or "     - None\n")


def _parameter(parameter: Dict[str, Any]) -> str:
    default = parameter.get("parameter_default")
    default = repr(default) if _reads_otherwise(default) else _files_as_calls(default, 0)
    type_ = _type(parameter)
    need = "(required)"
    if parameter.get("parameter_has_default"):
        need = f"(not required, defaults to:   {default})"
        if default is None:
            type_ += " | None"
    name = _parameter_name(parameter)
    return f"     - [{_component(parameter)}] {name}: {type_} {need} {_description(parameter)} \n"


def _return(item: Dict[str, Any]) -> str:
    return f"     - [{_component(item)}] {_label(item)}: {_type(item)}{_description(item)} \n"


def _reads_otherwise(value: Any) -> bool:
    """Whether it is a text that would read as a number, a list, None or the like."""
    if not isinstance(value, str):
        return False
    if value in ("None", "True", "False") or value[:1] + value[-1:] in ("[]", "{}", "''", '""'):
        return True
    with suppress(ValueError):
        return bool(value) and float(value) is not None
    return value.startswith("handle_file(")


def _files_as_calls(value: Any, depth: int) -> Any:
    """A default value with each file of the server in it shown as the call that would pass it on."""
    if depth > _MAX_DEPTH:
        return "..."
    if isinstance(value, list):
        return [_files_as_calls(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("path"), str) and mapping(value.get("meta")).get("_type") == "gradio.FileData":
        return f'handle_file("{_cut(_shown(value.get("url") or value["path"]))}")'
    return {key: _files_as_calls(item, depth + 1) for key, item in value.items()}


def _cut(url: str) -> str:
    """A URL, without the content that a data: URL has in it."""
    return url[:_MAX_DATA] + "..." if url.startswith("data:") and len(url) > _MAX_DATA else url


def _parameter_name(parameter: Dict[str, Any]) -> str:
    name = parameter.get("parameter_name")
    return sanitize_parameter_names(name) if name and isinstance(name, str) else _label(parameter)


def _label(item: Dict[str, Any]) -> str:
    label = text_of(item.get("label"))
    return sanitize_parameter_names("Any" if label is None else label)


def _component(item: Dict[str, Any]) -> str:
    return _shown(item.get("component", "Any"))


def _type(item: Dict[str, Any]) -> str:
    told = _shown(mapping(item.get("python_type")).get("type", "Any"))
    return with_choices(told, item.get("type")) if "Literal[" in told else told


def _description(item: Dict[str, Any]) -> str:
    """In parentheses after a space, or nothing."""
    text = mapping(item.get("python_type")).get("description")
    return f" ({text_of(text)})" if text else ""


def _items(endpoint: Any, key: str) -> List[Dict[str, Any]]:
    items = mapping(endpoint).get(key)
    return [mapping(item) for item in items] if isinstance(items, list) else []


def _shown(value: Any) -> str:
    """Text as it is; anything else in its place reads `Any`."""
    return value if isinstance(value, str) else "Any"
