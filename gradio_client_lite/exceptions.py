"""The exceptions of the official client under its module's name; all there are stand in `errors`."""

from __future__ import annotations

from .errors import AppError, AuthenticationError, SerializationSetupError, ValidationError

__all__ = ["AppError", "AuthenticationError", "SerializationSetupError", "ValidationError"]
