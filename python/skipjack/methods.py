"""The methods, each a class made from the library's own table: `methods.TPE(num_candidates=32)`.

A class goes by the method's name in capital words (`bayesopt` is `Bayesopt`) and by each of its other
names (`BayesianOptimization`). names() lists them; help(methods.TPE) shows options.
"""

from __future__ import annotations

import sys

from . import _core
from .errors import InvalidArgument, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Method:
    """A method with its options. name: as on the command line; multi_fidelity: whether it looks at
    reports on the way. Every method knows the option `cap` (docs/capping.md)."""

    name = ""
    description = ""
    option_names: tuple[str, ...] = ()
    multi_fidelity = False

    def __init__(self, **options: Any) -> None:
        unknown = [name for name in options if name not in self.option_names]
        if unknown:
            raise InvalidArgument(
                f"method '{self.name}' has no option '{unknown[0]}'",
                "one of: " + ", ".join(self.option_names),
            )
        self.options = options

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({arguments})"


def _capital_words(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.replace("-", "_").split("_"))


def _option_line(option: dict[str, Any]) -> str:
    default = "" if option["default"] is None else f"; default {option['default']}"
    return f"    {option['key']}: {option['description']}{default}"


def _class_of(row: dict[str, Any]) -> type[Method]:
    """The class of a row of the table."""
    lines = [_option_line(option) for option in row["options"]]
    doc = f"{row['description']}.\n\nMethod '{row['name']}'. Options:\n" + "\n".join(lines)
    return type(
        _capital_words(row["name"]),
        (Method,),
        {
            "__doc__": doc if lines else doc.replace(" Options:\n", ""),
            "__module__": __name__,
            "name": row["name"],
            "description": row["description"],
            "option_names": (*(option["key"] for option in row["options"]), _core.CAP_OPTION),
            "multi_fidelity": row["multi_fidelity"],
        },
    )


_ROWS = _core.methods()
_ROW_OF: dict[str, dict[str, Any]] = {}
for _row in _ROWS:
    _ROW_OF[_row["name"]] = _row
    for _name in (_capital_words(_row["name"]), *_row["aliases"]):
        _ROW_OF.setdefault(_name, _row)
_CLASS_OF: dict[str, type[Method]] = {}
"""Classes that were asked for, by name."""


def names() -> list[str]:
    """The methods' names, in the order in which a help text shows them."""
    return [row["name"] for row in _ROWS]


def find(name: str) -> type[Method] | None:
    """The class of a method by any of its names, or None."""
    found = _CLASS_OF.get(name)
    if found is None and name in _ROW_OF:
        row = _ROW_OF[name]
        found = _CLASS_OF.get(row["name"]) or _class_of(row)
        _CLASS_OF[row["name"]] = _CLASS_OF[name] = found
    return found


def method_of(method: str | Method | type[Method]) -> Method:
    """A Method from a Method, a class of one, or a name."""
    if isinstance(method, str):
        found = find(method)
        if not found:
            raise InvalidArgument(f"there is no method '{method}'", "one of: " + ", ".join(names()))
        return found()
    if isinstance(method, type) and issubclass(method, Method):
        return method()
    if isinstance(method, Method):
        return method
    raise InvalidArgument(
        f"a method must be a name, a Method, or in a Tuner an object of a Scheduler or Searcher, not {kind_of(method)}"
    )


def __getattr__(name: str) -> type[Method]:
    found = find(name)
    if found is not None:
        return found
    message = f"there is no method '{name}'; names() lists those there are"
    raise AttributeError(message, name=name, obj=sys.modules[__name__])  # Python knows similar names


def __dir__() -> list[str]:
    return ["Method", "names", *sorted(name for name in _ROW_OF if name.isidentifier())]
