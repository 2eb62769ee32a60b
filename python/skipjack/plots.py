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


def learning_curves(experiment, resource, metric=None, ax=None):
    ax = _axes(ax)
    name = _metric_name(experiment, metric)
    columns = experiment.columns()
    for needed in (resource, name):
        if needed not in columns:
            raise NotFound(f"no trial of '{experiment.name}' has reported '{needed}'")
    curves = {}
    for trial, level, value in zip(columns["trial_id"], columns[resource], columns[name]):
        if isinstance(level, (int, float)) and isinstance(value, (int, float)):
            curves.setdefault(trial, []).append((level, value))
    for points in curves.values():
        ax.plot([level for level, _ in points], [value for _, value in points], ".-", alpha=0.6)
    ax.set_xlabel(resource)
    ax.set_ylabel(name)
    ax.set_title(experiment.name)
    return ax


def parallel_coordinates(experiment, metric=None, ax=None):
    ax = _axes(ax)
    metric = experiment.metric(metric)
    domains = {name: value for name, value in experiment.space.parameters.items() if hasattr(value, "to_unit")}
    history = experiment.history
    values = {number: history.last_value(number, metric["name"]) for number in range(history.num_trials)}
    ranked = sorted((number for number in values if values[number] is not None), key=values.get)
    if metric["mode"] == "min":
        ranked.reverse()  # the best are drawn last, above the others
    for place, number in enumerate(ranked):
        configuration = history.trial(number)["configuration"]
        heights = [domains[name].to_unit(configuration[name]) if name in configuration else None for name in domains]
        share = (place + 1) / len(ranked)
        ax.plot(range(len(domains)), heights, color=(share, 0.2, 1 - share), alpha=0.2 + 0.8 * share)
    ax.set_xticks(range(len(domains)), list(domains))
    ax.set_ylabel("place in the domain")
    ax.set_title(experiment.name)
    return ax


def importance(experiment, metric=None, ax=None):
    ax = _axes(ax)
    found = experiment.importance(metric)
    rows = found["parameters"][::-1]  # the first bar is the lowest
    ax.barh([row["parameter"] for row in rows], [row["share"] for row in rows])
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"share of importance for {_metric_name(experiment, metric)}")
    ax.set_title(f"{experiment.name} (explained: {found['explained']:.0%} of the variance)")
    return ax


def comparison(compared, ax=None):
    ax = _axes(ax)
    for label, points in compared.curves.items():
        at = [point[0] for point in points]
        (line,) = ax.plot(at, [point[1] for point in points], label=label)
        if points and points[0][2] is not None:
            ax.fill_between(
                at, [point[2] for point in points], [point[3] for point in points], color=line.get_color(), alpha=0.2
            )
    ax.set_xlabel("running time [s]" if compared.over == "time" else "trials")
    ax.set_ylabel(f"best {compared.metric['name']} so far")
    ax.legend()
    return ax
