"""Where trials run: processes of this machine or jobs of a cluster, from a program or from a Python function."""

from __future__ import annotations

import base64
import os
import sys
from dataclasses import dataclass, field

from .errors import InvalidArgument, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

# Holds what a trial's process needs to find its function; Linux takes 128 KiB a variable.
_FUNCTION_VARIABLE = "SKIPJACK_FUNCTION"
_MAX_FUNCTION_BYTES = 96 * 1024


@dataclass(kw_only=True, eq=False)
class ProgramBackend:
    """What all backends have in common: a program, and how it is started.

    entry_point: the program; a .py runs under interpreter, anything else must be executable.
    interpreter: list of words; None: this Python for a .py.
    pass_by: how the program gets its configuration: "arguments" (--name value ...), "json_file"
        (--st_config_json_filename FILE) or "template".
    argument_template: for "template": list of words, {name} stands for a value.
    max_resource_attr: name of the constant that holds the largest resource, for methods that resume.
    working_directory: None: here. environment: dict of variables added to this process's own.
    grace: seconds between the request to end and the kill.
    """

    entry_point: str | os.PathLike[str] = field(kw_only=False)
    interpreter: str | Iterable[str] | None = None
    pass_by: str = "arguments"
    argument_template: Iterable[str] | None = None
    max_resource_attr: str = ""
    working_directory: str | os.PathLike[str] | None = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)  # may hold credentials
    grace: float = 5.0

    def __post_init__(self) -> None:
        """Copies: each program() is the same, whatever becomes of what was given."""
        self.entry_point = os.fspath(self.entry_point)
        if self.interpreter is None:
            self.interpreter = [sys.executable] if self.entry_point.endswith(".py") else []
        self.interpreter = _words(self.interpreter)
        self.argument_template = list(self.argument_template or ())
        self.working_directory = os.fspath(self.working_directory or "")
        self.environment = dict(self.environment or {})

    @property
    def name(self) -> str:
        """What experiments are called after."""
        return os.path.splitext(os.path.basename(self.entry_point))[0]

    def program(self) -> dict[str, Any]:
        """The "program" of a tuning's definition."""
        return {
            "entry_point": self.entry_point,
            "interpreter": self.interpreter,
            "pass_by": "template" if self.argument_template else self.pass_by,
            "argument_template": self.argument_template,
            "max_resource_attr": self.max_resource_attr,
            "working_directory": self.working_directory,
            "environment": self.environment,
            "grace": float(self.grace),
        }


@dataclass(kw_only=True, eq=False)
class LocalBackend(ProgramBackend):
    """Trials as processes of this machine. Options beside these: see ProgramBackend.

    gpus, gpus_per_trial: ids to hand out. cpus, cpus_per_trial: processors to bind trials to.
    """

    gpus: Iterable[str | int] = ()
    gpus_per_trial: int = 1
    cpus: Iterable[int] = ()
    cpus_per_trial: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gpus = [str(gpu) for gpu in self.gpus]
        self.cpus = list(self.cpus)

    def program(self) -> dict[str, Any]:
        return {
            **super().program(),
            "gpus": self.gpus,
            "gpus_per_trial": self.gpus_per_trial,
            "cpus": self.cpus,
            "cpus_per_trial": self.cpus_per_trial,
        }


@dataclass(kw_only=True, eq=False)
class SlurmBackend(ProgramBackend):
    """Trials as jobs of a Slurm cluster. Experiments (root) must be on a file system that its nodes share, and so
    must the program. Options beside these, which are sbatch's: see ProgramBackend.

    partition, account, constraint: None: the cluster's. cpus: of a trial, --cpus-per-task. memory: bytes, --mem.
    gpus: of a trial, --gres=gpu:N. time_limit: seconds, --time. sbatch_options: further words, as "--exclusive".
    """

    partition: str | None = None
    account: str | None = None
    constraint: str | None = None
    cpus: int | None = None
    memory: int | None = None
    gpus: int = 0
    time_limit: float | None = None
    sbatch_options: str | Iterable[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sbatch_options = _words(self.sbatch_options)

    def program(self) -> dict[str, Any]:
        job = {
            "partition": self.partition,
            "account": self.account,
            "constraint": self.constraint,
            "cpus": self.cpus,
            "memory_bytes": self.memory,
            "gpus": self.gpus,
            "time_limit": self.time_limit,
            "extra": self.sbatch_options,
        }
        return {**super().program(), "slurm": {name: value for name, value in job.items() if value is not None}}


class PythonBackend(LocalBackend):
    """A Python function as the trial, in a process of its own each time.

    function: called with the configuration's values by name. It returns a dict of metrics or, where
    the tuning has one metric, a number; or it reports by a skipjack.Reporter as it goes along and
    returns None. What it raises makes the trial fail.

    The process finds a function of a module by importing it. Others (of the main script, notebooks,
    lambdas, closures) travel by cloudpickle; where that is not installed, the main script is run under
    another name than __main__.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        for refused in ("entry_point", "interpreter", "pass_by", "argument_template"):
            if refused in options:
                raise InvalidArgument(f"PythonBackend has no '{refused}'", "use LocalBackend for a program")
        here = os.path.dirname(os.path.abspath(__file__))
        super().__init__(
            os.path.join(here, "function_trial.py"), interpreter=[sys.executable], pass_by="json_file", **options
        )
        self.function = function
        self.environment = {**(self.environment or {}), _FUNCTION_VARIABLE: _described(function)}

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", "function").strip("<>") or "function"


def _words(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _described(function: Callable[..., Any]) -> str:
    """A text by which another process finds the function."""
    import json

    if not callable(function):
        raise InvalidArgument(f"the trial must be a function, not {type(function).__name__}")
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "<lambda>")
    found = {"name": name, "path": [os.path.abspath(folder) for folder in sys.path]}
    if module not in (None, "__main__") and _finds(module, name, function):
        found["module"] = module
    else:
        pickled = _pickled(function)
        if pickled is not None:
            found["pickle"] = base64.b64encode(pickled).decode()
        else:
            found["file"] = _script_of(module, name)
    text = json.dumps(found)
    if len(text) > _MAX_FUNCTION_BYTES:
        raise Unsupported(
            f"function '{name}' takes {len(text)} bytes, more than {_MAX_FUNCTION_BYTES}",
            "move it, and the data that it refers to, to a module or a file",
        )
    return text


def _finds(module: str, name: str, function: Callable[..., Any]) -> bool:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is function


def _pickled(function: Callable[..., Any]) -> bytes | None:
    """The function with what it refers to; None without cloudpickle."""
    try:
        import cloudpickle
    except ImportError:
        return None
    return cloudpickle.dumps(function)


def _script_of(module: str | None, name: str) -> str:
    """The main script, where the function has a name in it."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if module != "__main__" or "<" in name or not script or not os.path.isfile(script):
        raise Unsupported(
            f"function '{name}' can't be found by its name",
            "define it in a module or at the top of a script, or install cloudpickle",
        )
    return os.path.abspath(script)
