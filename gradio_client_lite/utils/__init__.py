"""What the official client's `utils` has for users, under the same names, for code whose import was changed.

Not here is what served the official client itself or the Gradio server; docs/differences.md lists it.

>>> from gradio_client_lite.utils import Status
>>> Status.FINISHED.value
'FINISHED'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidAPIEndpointError, QueueError, SpaceDuplicationError, TooManyRequestsError
from ..jobs.communicator import Communicator
from ..updates import OutputUpdate, ProgressUnit, Status, StatusUpdate, Update
from ..wire.arguments import bind as construct_args
from ..wire.info import sanitize_parameter_names
from ..wire.names import strip_invalid_filename_characters
from ..wire.schema import json_schema_to_python_type
from .helpers import (
    ServerMessage,
    apply_diff,
    decode_base64_to_binary,
    decode_base64_to_file,
    encode_file_to_base64,
    encode_url_or_file_to_base64,
    encode_url_to_base64,
    get_extension,
    get_mimetype,
    is_file_obj,
    is_file_obj_with_meta,
    is_http_url_like,
    traverse,
)
from .loop import synchronize_async

if TYPE_CHECKING:
    from ..files.handle import file, handle_file

__all__ = [
    "Communicator",
    "InvalidAPIEndpointError",
    "OutputUpdate",
    "ProgressUnit",
    "QueueError",
    "ServerMessage",
    "SpaceDuplicationError",
    "Status",
    "StatusUpdate",
    "TooManyRequestsError",
    "Update",
    "apply_diff",
    "construct_args",
    "decode_base64_to_binary",
    "decode_base64_to_file",
    "encode_file_to_base64",
    "encode_url_or_file_to_base64",
    "encode_url_to_base64",
    "file",
    "get_extension",
    "get_mimetype",
    "handle_file",
    "is_file_obj",
    "is_file_obj_with_meta",
    "is_http_url_like",
    "json_schema_to_python_type",
    "sanitize_parameter_names",
    "strip_invalid_filename_characters",
    "synchronize_async",
    "traverse",
]


def __getattr__(name: str) -> Any:
    if name in ("file", "handle_file"):  # of a feature that a copy may lack
        from ..files import handle

        return getattr(handle, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
