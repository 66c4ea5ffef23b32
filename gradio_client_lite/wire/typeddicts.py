"""The dicts that a program may annotate with: FileData and ParameterInfo.

pydantic, and so FastAPI, refuses `typing.TypedDict` as the type of a field before Python 3.12, but takes that
of typing_extensions, which is used there if it is installed. Nothing imports this module, and with it
typing_extensions, before one of the two names is used.

Fields that may be missing stand in a base with `total=False`: typing has `NotRequired` from Python 3.11 on
only, and overlooks it where annotations are texts, as they are here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, Optional

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from typing import TypedDict
else:  # pragma: no cover - coverage is measured on a newer Python
    try:
        from typing_extensions import TypedDict
    except ImportError:
        from typing import TypedDict


class FileData(TypedDict, total=False):
    """What stands for a file in the values of a call; which fields there are depends on the server's age."""

    name: Optional[str]
    data: Optional[str]
    size: Optional[int]
    is_file: bool
    orig_name: Optional[str]
    mime_type: Optional[str]
    is_stream: bool
    path: str
    url: Optional[str]
    meta: Dict[str, str]


class _Default(TypedDict, total=False):
    parameter_has_default: bool
    parameter_default: Any


class ParameterInfo(_Default):
    """One of the "parameters" of an endpoint, as Gradio 4.9 and later describe it."""

    label: str
    parameter_name: str
    type: Dict[str, Any]
    python_type: Dict[str, str]
    component: str
    example_input: Any
