"""Functions that tests tune, in a module that costs a trial nothing to import."""

import signal
import time


def square(x, k):
    return (x - 0.3) ** 2 + k


def heed_ctrl_c():
    """In a process that a test sends SIGINT: what a script runs in its background ignores it, and so would this."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def reports_itself(x, epochs):
    from skipjack import Reporter

    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, loss=x / epoch)


def fails(x):
    raise RuntimeError("out of cheese\x1b[31m")


def reports_slowly(x, epochs):
    from skipjack import Reporter

    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, loss=x)
        time.sleep(0.01)


def two_metrics(x):
    return {"loss": (x - 0.3) ** 2, "cost": 1 - x}


def odd_names(**configuration):
    """Metrics of names that pictures might take for something else."""
    (name,) = configuration
    return {name: len(configuration[name]), "text": "t"}
