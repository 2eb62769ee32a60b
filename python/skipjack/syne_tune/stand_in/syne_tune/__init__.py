"""Skipjack's answer to the name `syne_tune`."""

from skipjack.syne_tune.names import answer as _answer

_answer(__name__)
