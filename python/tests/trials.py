"""Functions that tests tune, in a module that costs a trial nothing to import."""

import time


def square(x, k):
    return (x - 0.3) ** 2 + k


def reports_itself(x, epochs):
    from skipjack import Reporter

    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, loss=x / epoch)


def fails(x):
    raise RuntimeError("out of cheese")


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
