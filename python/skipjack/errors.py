"""The library's errors: one class per code, so that nobody has to read a message. The classes are made from the
library's own enumeration: code "not_found" is NotFound."""

from __future__ import annotations

import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Error(Exception):
    """What went wrong, and what may be tried.

    code: "invalid_argument", "not_found", ...; try_this: empty if nothing is known to help.
    """

    code = ""

    def __init__(self, message: str, try_this: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.try_this = try_this

    def __str__(self) -> str:
        return f"{self.message}; {self.try_this}" if self.try_this else self.message

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (self.message, self.try_this)


if TYPE_CHECKING:  # what type checkers see; tested to be what is made

    class InvalidArgument(Error, ValueError): ...

    class NotFound(Error): ...

    class AlreadyExists(Error): ...

    class PermissionDenied(Error): ...

    class Corrupted(Error): ...

    class Io(Error): ...

    class Network(Error): ...

    class Timeout(Error, TimeoutError): ...

    class Cancelled(Error): ...

    class Exhausted(Error): ...

    class Unsupported(Error): ...


# Those that are one of Python's own too.
_ALSO: dict[str, type[Exception]] = {"invalid_argument": ValueError, "timeout": TimeoutError}
_BY_CODE: dict[str, type[Error]] = {}


def _make_classes() -> None:
    from . import _core

    for code in _core.error_codes():
        name = "".join(word.capitalize() for word in code.split("_"))
        bases = (Error, _ALSO[code]) if code in _ALSO else (Error,)
        made: Any = type(name, bases, {"code": code, "__module__": __name__})
        _BY_CODE[code] = globals()[name] = made


_make_classes()


def kind_of(value: object) -> str:
    """What messages call a value of the wrong type; a class in place of an object of it is a common slip."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def listed(name: str, given: Any, single: Any = ()) -> list[Any]:
    """An argument that is a list of things; one of type single may stand for a list of it."""
    if isinstance(given, single):
        return [given]
    if isinstance(given, (str, dict)) or not hasattr(given, "__iter__"):
        raise from_code("invalid_argument", f"{name} must be a list, not {kind_of(given)}")
    return list(given)


def text_of(name: str, value: Any) -> str:
    """An argument that is a text."""
    if not isinstance(value, str):
        raise from_code("invalid_argument", f"{name} must be a str, not {kind_of(value)}")
    return value


def seed_of(seed: Any) -> int:
    """An argument that is a seed: one that a journal can keep."""
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise from_code("invalid_argument", f"seed = {seed!r} must be a whole number in [0, 2**63)")
    return number


def from_code(code: str, message: str, try_this: str = "") -> Error:
    """The error that the library means by a code."""
    return _BY_CODE[code](message, try_this)
