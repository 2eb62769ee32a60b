"""Launchers and trials written for Syne Tune, run by Skipjack, without Syne Tune:

    python -m skipjack.syne_tune launcher.py --its --arguments

or, in a notebook, skipjack.syne_tune.install(). Answers for the module names of Syne Tune 0.11 to 0.15.
docs/python.md lists what is answered and how.
"""

import os
import sys

STAND_IN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in")
"""Folder whose package `syne_tune` answers; on the path of launchers and of trials."""


def install():
    """From here on `import syne_tune` of this process is answered, before an installed Syne Tune."""
    if "syne_tune" in sys.modules and not getattr(sys.modules["syne_tune"], "__file__", "").startswith(STAND_IN):
        raise ImportError("Syne Tune itself is imported already; call install() before")
    if STAND_IN not in sys.path:
        sys.path.insert(0, STAND_IN)
