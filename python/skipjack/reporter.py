"""What a trial's program needs to report its metrics. No dependency, not even json: a program that
reports starts as fast as one that doesn't.

    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, loss=train())

A report is one line on standard output, `[tune-metric]: {"epoch": 1, ...}`, as Syne Tune's trials
print it.
"""

import sys
import time

try:
    import _json

    _quoted = _json.encode_basestring_ascii
except ImportError:  # another interpreter than CPython
    import json

    _quoted = json.dumps


# In bytes of the object's text; what is longer is refused by whoever reads it.
_MAX_BYTES = 50_000
_MAX_DEPTH = 50


def _number_text(value):
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(value)


def _text(value, depth=0):
    if depth > _MAX_DEPTH:
        raise ValueError(f"a metric is nested deeper than {_MAX_DEPTH} levels")
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(str(k))}: {_text(v, depth + 1)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(item, depth + 1) for item in value) + "]"
    for to_python in ("item", "tolist"):  # scalars of numpy and torch, arrays
        if hasattr(value, to_python):
            try:
                return _text(getattr(value, to_python)(), depth + 1)
            except (TypeError, ValueError, RuntimeError):
                continue
    raise TypeError(f"a metric of type {type(value).__name__} can't be reported; give a number, a text or a list")


class Reporter:
    """Reports the metrics of the trial that this process is.

    add_time: adds st_worker_timestamp (Unix time) and st_worker_time (seconds since this object was
    made). A running number, st_worker_iter, is always added. Thread-safe in that lines don't mix.
    """

    def __init__(self, add_time: bool = True) -> None:
        self.add_time = add_time
        self.iter = 0
        self._start = time.perf_counter()

    def __call__(self, **metrics: object) -> None:
        """Reports metrics by name: numbers, texts, bools, lists, dicts. None and names that begin
        with "st_" are refused."""
        for name, value in metrics.items():
            if name.startswith("st_"):
                raise ValueError(f"'{name}': names that begin with 'st_' are reserved")
            if value is None:
                raise ValueError(f"metric '{name}' is None; leave it out where there is no value")
        report = dict(metrics)
        if self.add_time:
            report["st_worker_timestamp"] = time.time()
            report["st_worker_time"] = time.perf_counter() - self._start
        report["st_worker_iter"] = self.iter
        text = _text(report)
        if len(text) > _MAX_BYTES:
            raise ValueError(f"a report of {len(text)} bytes is more than {_MAX_BYTES}; report less")
        self.iter += 1
        sys.stdout.write(f"[tune-metric]: {text}\n")
        sys.stdout.flush()
