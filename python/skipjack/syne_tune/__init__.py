"""Launchers and trials written for Syne Tune, run by Skipjack, without Syne Tune:

    python -m skipjack.syne_tune launcher.py --its --arguments

Answers for the module names of Syne Tune 0.11 to 0.15. docs/python.md lists what is answered and how.
"""

import os

STAND_IN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in")
"""Folder whose package `syne_tune` answers; on the path of launchers and of trials."""
