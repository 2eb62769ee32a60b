"""Pictures of experiments, by matplotlib. What they show is read off the library's tables."""

from .errors import NotFound
from .experiments import import_or_say

_MAX_NAMED = 12  # of parameters side by side, each with its own scale; of the values of one
_MAX_BARS = 20
_AS_IT_IS = {"parse_math": False}  # what users have named is no formula, whatever it holds


def _axes(ax):
    """Made once it is known that there is something to show: notebooks show empty ones, too. Labels have their room:
    names may be long."""
    if ax is None:
        ax = import_or_say("matplotlib.pyplot", "a picture").subplots(layout="constrained")[1]
    return ax


def _label(metric):
    return metric["name"] + (" [s]" if metric.get("kind") == "time" else "")


def _label_values(axis, metric, values):
    """Names an axis by a metric. Its scale is logarithmic where small values are good and would else be lost at the
    bottom."""
    axis.set_label_text(_label(metric), **_AS_IT_IS)
    if metric["mode"] == "min" and values and min(values) > 0 and max(values) > 100 * min(values):
        (axis.axes.set_yscale if axis.axis_name == "y" else axis.axes.set_xscale)("log")


def _metric_or_name(experiment, name):
    """What is known of a reported number that need not be a metric."""
    return next((m for m in experiment.metrics if m["name"] == name), {"name": name, "mode": ""})


def _nothing_yet(experiment, name):
    return NotFound(f"no trial of '{experiment.name}' has reported '{name}' as a number")


def _is_number(cell):
    return isinstance(cell, (int, float))


def best_so_far(experiment, metric=None, ax=None):
    metric = experiment.metric(metric)
    points = [(time, value, best) for time, _, value, best in experiment.curve(metric["name"]) if best is not None]
    if not points:
        raise _nothing_yet(experiment, metric["name"])
    ax = _axes(ax)
    values = [point[1] if point[1] is not None else float("nan") for point in points]
    ax.plot([p[0] for p in points], values, ".", alpha=0.4, label="trials")
    ax.step([p[0] for p in points], [p[2] for p in points], where="post", label="best so far")
    ax.set_xlabel("running time [s]")
    _label_values(ax.yaxis, metric, [value for value in values if value == value])
    ax.set_title(experiment.name)
    ax.legend()
    return ax


def trials_over_time(experiment, metric=None, ax=None):
    name = metric or experiment.metrics[0]["name"]
    columns = experiment.columns()
    if name not in columns:
        raise _nothing_yet(experiment, name)
    lines = {}
    for trial, time, value in zip(columns["trial_id"], columns["st_tuner_time"], columns[name]):
        if _is_number(value):
            lines.setdefault(trial, ([], []))[0].append(time)
            lines[trial][1].append(value)
    if not lines:
        raise _nothing_yet(experiment, name)
    ax = _axes(ax)
    for times, values in lines.values():
        ax.plot(times, values, marker="x")
    ax.set_xlabel("running time [s]")
    _label_values(ax.yaxis, _metric_or_name(experiment, name), [v for _, values in lines.values() for v in values])
    ax.set_title(experiment.name)
    return ax


def pareto(experiment, ax=None):
    metrics = [m for m in experiment.metrics if m["role"] == "objective"][:2]
    if len(metrics) < 2:
        raise NotFound(f"experiment '{experiment.name}' has one objective, and so no front")
    objectives = [metric["name"] for metric in metrics]
    history = experiment.history
    first, second = ([history.last_value(trial, name) for trial in range(history.num_trials)] for name in objectives)
    shown = [(x, y) for x, y in zip(first, second) if x is not None and y is not None]
    front = sorted((row["values"][objectives[0]], row["values"][objectives[1]]) for row in experiment.front())
    if not shown:
        raise _nothing_yet(experiment, objectives[0])
    ax = _axes(ax)
    ax.plot([x for x, _ in shown], [y for _, y in shown], ".", alpha=0.4, label="trials")
    ax.plot([x for x, _ in front], [y for _, y in front], "o-", label="front")
    _label_values(ax.xaxis, metrics[0], [x for x, _ in shown])
    _label_values(ax.yaxis, metrics[1], [y for _, y in shown])
    ax.set_title(experiment.name)
    ax.legend()
    return ax


def learning_curves(experiment, resource, metric=None, ax=None):
    name = metric or experiment.metrics[0]["name"]
    columns = experiment.columns()
    for needed in (resource, name):
        if not any(_is_number(cell) for cell in columns.get(needed, ())):
            raise _nothing_yet(experiment, needed)
    curves = {}
    for trial, level, value in zip(columns["trial_id"], columns[resource], columns[name]):
        if _is_number(level) and _is_number(value):
            curves.setdefault(trial, []).append((level, value))
    if not curves:
        raise NotFound(f"no trial of '{experiment.name}' has reported '{name}' and '{resource}' together")
    ax = _axes(ax)
    for points in curves.values():
        ax.plot([level for level, _ in points], [value for _, value in points], ".-", alpha=0.6)
    ax.set_xlabel(resource, **_AS_IT_IS)
    values = [value for points in curves.values() for _, value in points]
    _label_values(ax.yaxis, _metric_or_name(experiment, name), values)
    ax.set_title(experiment.name)
    return ax


def parallel_coordinates(experiment, metric=None, ax=None):
    metric = experiment.metric(metric)
    domains = {name: value for name, value in experiment.space.parameters.items() if hasattr(value, "to_unit")}
    history = experiment.history
    values = {number: history.last_value(number, metric["name"]) for number in range(history.num_trials)}
    ranked = sorted((number for number in values if values[number] is not None), key=values.get)
    if metric["mode"] == "min":
        ranked.reverse()  # the best are drawn last, above the others
    if not ranked:
        raise _nothing_yet(experiment, metric["name"])
    ax = _axes(ax)
    if len(domains) <= _MAX_NAMED:
        for at, domain in enumerate(domains.values()):
            _draw_scale(ax, at, domain)
    for place, number in enumerate(ranked):
        configuration = history.trial(number)["configuration"]
        heights = [domains[name].to_unit(configuration[name]) if name in configuration else None for name in domains]
        share = (place + 1) / len(ranked)
        ax.plot(range(len(domains)), heights, color=(share, 0.2, 1 - share), alpha=0.2 + 0.8 * share)
    is_crowded = sum(len(name) for name in domains) > 60
    rotation = 90 if is_crowded else 0
    ax.set_xticks(range(len(domains)), list(domains), rotation=rotation, fontsize="small", **_AS_IT_IS)
    ax.set_xlim(-0.1, len(domains) - 0.6)
    ax.set_ylim(-0.05, 1.05)
    ax.set_ylabel("place in the domain")
    worst, best = (f"{values[number]:.4g}" for number in (ranked[0], ranked[-1]))
    title = f"{experiment.name}\n{_label(metric)} from {worst} (blue) to {best} (red)"
    ax.set_title(title, fontsize="medium", **_AS_IT_IS)
    return ax


def _draw_scale(ax, at, domain):
    """A parameter's own axis: the values of a short list, the ends of others."""
    number = domain.cardinality()
    if number is not None and number <= _MAX_NAMED:
        marked = [domain.value_at(index) for index in range(number)]
    else:
        marked = [domain.from_unit(0.0), domain.from_unit(1.0)]
    ax.axvline(at, color="0.7", linewidth=0.8, zorder=0)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
    look = {"va": "center", "fontsize": "x-small", "bbox": box, "zorder": 5, **_AS_IT_IS}
    for value in marked:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)[:20]
        ax.annotate(text, (at, domain.to_unit(value)), (3, 0), textcoords="offset points", **look)


def importance(experiment, metric=None, ax=None):
    found = experiment.importance(metric)
    rows = found["parameters"][:_MAX_BARS][::-1]  # the first bar is the lowest
    left_out = len(found["parameters"]) - len(rows)
    explained = f"explained: {found['explained']:.0%} of the variance"
    if found["explained"] <= 0:
        explained = "nothing is explained: the shares mean nothing"
    ax = _axes(ax)
    ax.barh(range(len(rows)), [row["share"] for row in rows])
    size = "medium" if len(rows) <= _MAX_NAMED else "x-small"
    ax.set_yticks(range(len(rows)), [row["parameter"] for row in rows], fontsize=size, **_AS_IT_IS)
    ax.set_xlim(0, 1)
    more = f"; {left_out} more parameters" if left_out else ""
    ax.set_xlabel(f"share of importance for {experiment.metric(metric)['name']}\n({explained}{more})", **_AS_IT_IS)
    ax.set_title(experiment.name)
    return ax


def comparison(compared, ax=None):
    if not any(compared.curves.values()):
        raise NotFound(f"no line of the comparison has values of '{compared.metric['name']}'")
    ax = _axes(ax)
    means = []
    for label, points in compared.curves.items():
        at = [point[0] for point in points]
        means += [point[1] for point in points]
        (line,) = ax.plot(at, [point[1] for point in points], label=label if points else f"{label} (no values)")
        if points and points[0][2] is not None:
            ax.fill_between(
                at, [point[2] for point in points], [point[3] for point in points], color=line.get_color(), alpha=0.2
            )
    ax.set_xlabel("running time [s]" if compared.over == "time" else "trials")
    _label_values(ax.yaxis, compared.metric, means)
    ax.set_ylabel(f"best {_label(compared.metric)} so far", **_AS_IT_IS)
    for text in ax.legend().get_texts():
        text.set(**_AS_IT_IS)
    return ax
