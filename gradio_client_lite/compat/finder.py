"""Finds the official client's modules in this package, from `install` to `uninstall`.

A finder at the front of `sys.meta_path` gives, for each official module, a stand-in that looks up its names
here when they are first used.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from .._version import PACKAGE
from ..errors import CompatibilityError

if TYPE_CHECKING:  # for programs that freeze others: they look for imports, not for the names below
    from .. import client, data_classes, exceptions, utils  # noqa: F401

#: The official client that the tests compare this package with, on current servers.
FOLLOWED = "2.7.2"

_OFFICIAL = "gradio_client"
#: The modules of this package that have the names of official ones, which their `__all__` lists.
_MODULES: Dict[str, str] = {
    _OFFICIAL: "",
    **{f"{_OFFICIAL}.{name}": f".{name}" for name in ("client", "data_classes", "exceptions", "utils")},
}
#: Of the names of the package itself, those that the official one has too.
_TOP = ("Client", "FileData", "__version__", "file", "handle_file")
_VERSIONED = (_OFFICIAL, f"{_OFFICIAL}.utils")


def install() -> None:
    """Let `import gradio_client` find this package, in this process, from now on.

    Calling it again does nothing. Only what this package has is there: another module or name of the official
    client is an ImportError, as it is with a release that does not have it.

    Raises:
        CompatibilityError: `gradio_client` is imported already, and is not this package. What was made from
            it would go on living beside this one; call `install` before anything imports it.

    Example:
        >>> install()
        >>> from gradio_client import Client
        >>> uninstall()
    """
    with _lock:
        if _finder in sys.meta_path:
            return
        # Before the import, so that no other thread finds the official one in between.
        sys.meta_path.insert(0, _finder)
        try:
            with suppress(ImportError):  # as with None in sys.modules
                import_module(_OFFICIAL)  # waits for a thread that is importing the official one already
            _refuse_official()
        except BaseException:
            _withdraw()
            raise


def uninstall() -> None:
    """Let `import gradio_client` find the official client again, if there is one.

    Names that were imported meanwhile go on working. Calling it when nothing is installed does nothing.
    """
    with _lock:
        _withdraw()


def _refuse_official() -> None:
    """Raise CompatibilityError if a module of that name is imported which is no stand-in."""
    for name in sorted(name for name in list(sys.modules) if name.partition(".")[0] == _OFFICIAL):
        module = sys.modules.get(name)
        if not isinstance(module, _StandIn):
            origin = getattr(getattr(module, "__spec__", None), "origin", None)
            origin = origin or getattr(module, "__file__", None) or "elsewhere"
            raise CompatibilityError(
                f"{name} is imported already, from {origin}. Call install() before anything imports it."
            )


def _withdraw() -> None:
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in _MODULES:
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


class _StandIn(ModuleType):
    """A module of the official client; its names are looked up when they are first used."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__" and self.__name__ in _VERSIONED:
            return FOLLOWED
        home, names = self._home() if name[:2] != "__" or name == "__all__" else (None, [])
        if name == "__all__":
            return names
        if name not in names:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(home, name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> List[str]:
        return sorted({*self.__dict__, *self._home()[1]})

    def _home(self) -> Tuple[ModuleType, List[str]]:
        """The module of this package it stands for, and the names it has of that."""
        home = import_module(PACKAGE + _MODULES[self.__name__])
        return home, [name for name in home.__all__ if self.__name__ != _OFFICIAL or name in _TOP]


class _Finder:
    """Finds the official client's modules here, and loads them: see `importlib.abc`."""

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]] = None,  # noqa: ARG002 - what the import system passes
        target: Optional[ModuleType] = None,  # noqa: ARG002
    ) -> Optional[ModuleSpec]:
        return self._spec(fullname) if fullname in _MODULES else None

    def _spec(self, name: str) -> ModuleSpec:
        # A package without folders: what is not in _MODULES is found nowhere.
        return ModuleSpec(name, self, origin=__name__, is_package=name == _OFFICIAL)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ != _OFFICIAL:
            return
        for name in _MODULES.keys() - {_OFFICIAL}:
            # The official package imports its modules too. Importing would lock each; these need nothing.
            part = sys.modules.setdefault(name, module_from_spec(self._spec(name)))
            setattr(module, name.rpartition(".")[2], part)
        if self not in sys.meta_path:  # another thread has called uninstall() since this module was found
            _withdraw()
            raise ModuleNotFoundError(f"No module named {_OFFICIAL!r}", name=_OFFICIAL)


# Held while installing and uninstalling; imports made meanwhile take the import system's locks.
_lock = threading.Lock()
_finder = _Finder()
