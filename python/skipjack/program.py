"""The two programs in the package: the command line tool and the parent process of trials."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")


def tool() -> str:
    """Path of the command line tool."""
    return os.path.join(_FOLDER, "skipjack")


def supervisor() -> str:
    """Path of the program that stands between the tuner and each attempt."""
    return os.path.join(_FOLDER, "skipjack-supervise")


def experiments_folder() -> str:
    """Where experiments are kept unless a root is given: as the command line tool has it."""
    environment = os.environ
    if environment.get("SKIPJACK_HOME"):
        return os.path.abspath(environment["SKIPJACK_HOME"])
    data = environment.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.abspath(os.path.join(data, "skipjack"))


def root_folder(root: Any) -> str:
    """The folder of experiments that an argument root names."""
    if not root:
        return experiments_folder()
    try:
        return os.path.abspath(os.fsdecode(root))
    except TypeError:
        from .errors import InvalidArgument, kind_of  # the command line tool needs none of the library

        raise InvalidArgument(f"root must be a str or a path, not {kind_of(root)}") from None


def main() -> None:
    """The command line tool, in place of this process."""
    os.execv(tool(), ["skipjack", *sys.argv[1:]])
