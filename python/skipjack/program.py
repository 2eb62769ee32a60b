"""The two programs in the package: the command line tool and the parent process of trials."""

from __future__ import annotations

import os
import sys

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


def main() -> None:
    """The command line tool, in place of this process."""
    os.execv(tool(), ["skipjack", *sys.argv[1:]])
