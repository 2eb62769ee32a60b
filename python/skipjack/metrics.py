"""Metrics: what trials report and a tuning looks at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .errors import InvalidArgument, kind_of, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


@dataclass
class Metric:
    """A named number that trials report.

    mode: which way is better, "min" or "max". role: "objective", "constraint" or "cost". kind: "time"
    for elapsed seconds of the thing measured, else "plain". bound: of a constraint, which is satisfied
    by values <= bound (min) or >= bound (max).
    """

    name: str
    mode: str = "min"
    role: str = "objective"
    kind: str = "plain"
    bound: float = 0.0


def metric_list(
    metrics: str | Metric | Iterable[str | Metric], mode: str | Iterable[str] = "min"
) -> list[dict[str, Any]]:
    """A list of dicts, as definitions hold them, of a name, a Metric, or a list of these: objectives first.

    mode: of those that are given by name; "min", "max", or a list of these.
    """
    given = listed("metrics", metrics, (str, Metric))
    modes = [mode] * len(given) if isinstance(mode, str) else listed("mode", mode, str)
    if len(modes) != len(given):
        raise InvalidArgument(f"mode has {len(modes)} items for {len(given)} metrics")
    result = []
    for metric, its_mode in zip(given, modes):
        if isinstance(metric, str):
            metric = Metric(metric, its_mode)
        if not isinstance(metric, Metric):
            raise InvalidArgument(f"a metric must be a name or a Metric, not {kind_of(metric)}")
        fields = asdict(metric)
        if metric.role != "constraint":
            del fields["bound"]
        result.append(fields)
    return sorted(result, key=lambda fields: fields["role"] != "objective")
