"""Names of Spaces, checked before anything is sent.

Source: huggingface_hub 0.34 - 2.4, `validate_repo_id`.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import InvalidSpaceId
from ..transport.url import scrub
from .refusal import shortened

_ID_PART = re.compile(r"[A-Za-z0-9._-]+\Z").match
_LONGEST_ID = 96
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{30,}")
_RULES = (
    f"Such a name has letters, digits, '.', '_' and '-', at most one '/' and {_LONGEST_ID} characters, no "
    "'--', no '..', no '.git' at its end, and begins and ends with a letter, a digit or '_'."
)


def check_space_id(space_id: Any, name: str = "src") -> str:
    """Return a Space's name, "owner/name", if it can be one.

    Args:
        space_id: what the caller gave.
        name: what the caller calls it.

    Raises:
        InvalidSpaceId: it cannot; nothing was sent.

    Example:
        >>> check_space_id("gradio/calculator")
        'gradio/calculator'
    """
    if not _is_repo_name(space_id) or "/" not in space_id:
        url = " or the URL of an app, beginning with http:// or https://" if name == "src" else ""
        raise InvalidSpaceId(
            f'{name} must be the name of a Space, "owner/name"{url}; it is {_quoted(space_id)}. {_RULES}'
        )
    return str(space_id)


def check_repo_name(repo: Any, name: str) -> str:
    """Return the name of a repo, with or without its owner.

    Raises:
        InvalidSpaceId: it cannot be one; nothing was sent.
    """
    if not _is_repo_name(repo):
        raise InvalidSpaceId(
            f"{name} must be the name of a Space, with or without its owner; it is {_quoted(repo)}. {_RULES}"
        )
    return str(repo)


def _is_repo_name(repo: Any) -> bool:
    if not isinstance(repo, str) or len(repo) > _LONGEST_ID:
        return False
    parts = repo.split("/")
    return (
        len(parts) <= 2
        and all(_ID_PART(part) and part[0] not in "-." and part[-1] not in "-." for part in parts)
        and "--" not in repo
        and ".." not in repo
        and not repo.endswith(".git")
        and not _TOKEN.search(repo)  # everybody would see it
    )


def _quoted(repo: Any) -> str:
    """What the caller gave, without a password or a token that was taken for a name."""
    if not isinstance(repo, str):
        return repr(repo)
    return repr(shortened(_TOKEN.sub("[hidden]", scrub(repo)), _LONGEST_ID))
