"""Pictures of experiments, by matplotlib. What they show is read off the library's tables."""

from .errors import NotFound
from .experiments import import_or_say


def _axes(ax):
    if ax is None:
        ax = import_or_say("matplotlib.pyplot", "a picture").subplots()[1]
    return ax


def _metric_name(experiment, metric):
    return metric or experiment.metrics[0]["name"]


def best_so_far(experiment, metric=None, ax=None):
    ax = _axes(ax)
    points = [(time, value, best) for time, _, value, best in experiment.curve(metric) if best is not None]
    ax.plot([p[0] for p in points], [p[1] if p[1] is not None else float("nan") for p in points], ".", alpha=0.4)
    ax.step([p[0] for p in points], [p[2] for p in points], where="post")
    ax.set_xlabel("running time [s]")
    ax.set_ylabel(_metric_name(experiment, metric))
    ax.set_title(experiment.name)
    return ax


def trials_over_time(experiment, metric=None, ax=None):
    ax = _axes(ax)
    name = _metric_name(experiment, metric)
    columns = experiment.columns()
    if name not in columns:
        raise NotFound(f"no trial of '{experiment.name}' has reported '{name}'")
    lines = {}
    for trial, time, value in zip(columns["trial_id"], columns["st_tuner_time"], columns[name]):
        if isinstance(value, (int, float)):
            lines.setdefault(trial, ([], []))[0].append(time)
            lines[trial][1].append(value)
    for times, values in lines.values():
        ax.plot(times, values, marker="x")
    ax.set_xlabel("running time [s]")
    ax.set_ylabel(name)
    ax.set_title(experiment.name)
    return ax


def pareto(experiment, ax=None):
    ax = _axes(ax)
    objectives = [m["name"] for m in experiment.metrics if m["role"] == "objective"][:2]
    if len(objectives) < 2:
        raise NotFound(f"experiment '{experiment.name}' has one objective, and so no front")
    history = experiment.history
    first, second = ([history.last_value(trial, name) for trial in range(history.num_trials)] for name in objectives)
    shown = [(x, y) for x, y in zip(first, second) if x is not None and y is not None]
    front = sorted((row["values"][objectives[0]], row["values"][objectives[1]]) for row in experiment.front())
    ax.plot([x for x, _ in shown], [y for _, y in shown], ".", alpha=0.4)
    ax.plot([x for x, _ in front], [y for _, y in front], "o-")
    ax.set_xlabel(objectives[0])
    ax.set_ylabel(objectives[1])
    ax.set_title(experiment.name)
    return ax
