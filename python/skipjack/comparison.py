"""Several experiments side by side, such as one method against another over several seeds."""

from __future__ import annotations

from . import _core
from .errors import InvalidArgument
from .experiments import Experiment, import_or_say, load_experiment

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any


class Comparison:
    """curves: {label: list of (at, mean, lower, upper)} of the best value so far, where the bounds are those of the
    mean's interval, None for a single experiment. over: "time" (s) or "trials". metric: a dict."""

    def __init__(self, curves: dict[str, list[tuple[Any, ...]]], metric: dict[str, Any], over: str) -> None:
        self.curves = curves
        self.metric = metric
        self.over = over

    def columns(self) -> dict[str, list[Any]]:
        """The table without pandas: label, at, mean, lower, upper."""
        rows = [(label, *point) for label, points in self.curves.items() for point in points]
        names = ("label", "at", "mean", "lower", "upper")
        return {name: [row[index] for row in rows] for index, name in enumerate(names)}

    @property
    def results(self) -> Any:
        """columns() as a pandas DataFrame."""
        return import_or_say("pandas", "a table as a DataFrame").DataFrame(self.columns())

    def plot(self, ax: Any = None) -> Any:
        """A line a label, its interval as a band. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.comparison(self, ax)

    def _repr_html_(self) -> str:
        from .display import comparison_html

        return comparison_html(self)

    def __repr__(self) -> str:
        last = {label: points[-1][1] if points else None for label, points in self.curves.items()}
        return f"Comparison({self.metric['name']!r} over {self.over}, {last})"


def compare(
    experiments: Mapping[str, Iterable[Experiment | str]] | Iterable[Experiment | str],
    metric: str | None = None,
    *,
    over: str = "time",
    points: int = 100,
    confidence: float = 0.95,
    root: str | os.PathLike[str] | None = None,
) -> Comparison:
    """The mean of the best value so far of several experiments (seeds), with Student's interval of that mean.

    experiments: {"asha": ["asha-1", "asha-2"], ...}, or a list, which is told apart by method. Names are looked up
    in root. metric: None: the first. over: "time" or "trials". A line goes from where all of its experiments have a
    value to where the first of them ends.
    """
    if over not in ("time", "trials"):
        raise InvalidArgument(f"over = '{over}' is not known", "one of: time, trials")
    groups = _loaded(experiments, root)
    chosen: dict[str, Any] | None = None
    for group in groups.values():
        for experiment in group:
            its = experiment.metric(metric)
            if chosen is not None and its["name"] != chosen["name"]:
                raise InvalidArgument(
                    f"the first metric of experiment '{experiment.name}' is '{its['name']}', not '{chosen['name']}'",
                    "say which metric to compare by",
                )
            if chosen is not None and its["mode"] != chosen["mode"]:
                raise InvalidArgument(f"'{its['name']}' of experiment '{experiment.name}' has the other mode")
            chosen = chosen or its
    if chosen is None:
        raise InvalidArgument("there is no experiment to compare", "give their names")
    is_over_trials = over == "trials"
    curves = {}
    for label, group in groups.items():
        histories = [experiment.history for experiment in group]
        curves[label] = _core.compare(histories, chosen, is_over_trials, points, confidence)
    return Comparison(curves, chosen, over)


def _loaded(
    experiments: Mapping[str, Iterable[Experiment | str]] | Iterable[Experiment | str],
    root: str | os.PathLike[str] | None,
) -> dict[str, list[Experiment]]:
    def loaded(one: Experiment | str) -> Experiment:
        return load_experiment(one, root) if isinstance(one, str) else one

    groups: dict[str, list[Experiment]] = {}
    if hasattr(experiments, "items"):
        return {label: [loaded(one) for one in group] for label, group in experiments.items()}
    for one in experiments:
        experiment = loaded(one)
        groups.setdefault(experiment.definition.get("method", ""), []).append(experiment)
    return groups
