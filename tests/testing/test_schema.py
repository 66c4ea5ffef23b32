"""Tests how `functions.py` reads annotations."""

from __future__ import annotations

from enum import Enum
from typing import Any, AsyncIterator, Dict, Generator, Iterator, List, Literal, Optional, Tuple, Union

import pytest

from gradio_client_lite.testing.functions import output_hints, schema_of


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (list, {"type": "array", "items": {}}),
        (dict, {"type": "object", "additionalProperties": {}}),
        (List[int], {"type": "array", "items": {"type": "integer"}}),
        (Dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            Tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (Literal["a"], {"const": "a"}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Optional[int], {"oneOf": [{"type": "null"}, {"type": "integer"}]}),
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Size, {"enum": ["s", "l"]}),
        (Any, {}),
        (bytearray, {}),
        (["unhashable"], {}),
    ],
)
def test_schema_of_an_annotation(hint: Any, schema: Any) -> None:
    assert schema_of(hint) == schema


@pytest.mark.parametrize(
    ("returned", "streams", "hints"),
    [
        (None, False, ()),
        (type(None), False, ()),
        (int, False, (int,)),
        (Tuple[int, str], False, (int, str)),
        (Tuple[int, ...], False, (Tuple[int, ...],)),
        (Iterator[int], True, (int,)),
        (Generator[Tuple[int, str], None, None], True, (int, str)),
        (AsyncIterator[int], True, (int,)),
        (Iterator, True, (Any,)),
        (int, True, (Any,)),
    ],
)
def test_outputs_of_a_return_annotation(returned: Any, streams: bool, hints: Any) -> None:
    assert output_hints(returned, streams=streams) == hints
