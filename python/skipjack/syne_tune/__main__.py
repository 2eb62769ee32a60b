"""python -m skipjack.syne_tune launcher.py ARGUMENTS: the launcher as it is, `syne_tune` answered by
Skipjack."""

import os
import runpy
import sys

from . import install


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print("usage: python -m skipjack.syne_tune launcher.py [ARGUMENTS ...]")
        return 0 if len(sys.argv) > 1 else 2
    launcher = sys.argv[1]
    if not os.path.isfile(launcher):
        print(f"skipjack.syne_tune: the launcher '{launcher}' does not exist", file=sys.stderr)
        return 3
    sys.argv[:] = sys.argv[1:]
    # As Python does for a script, with the stand-in before an installed Syne Tune.
    sys.path[0] = os.path.dirname(os.path.abspath(launcher))
    install()
    from ..errors import Error

    try:
        runpy.run_path(launcher, run_name="__main__")
    except Error as error:
        print(f"skipjack: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
