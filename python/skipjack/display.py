"""What notebooks show of an object: small tables. All texts are escaped: names and values come from anywhere."""

from __future__ import annotations

import html

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .comparison import Comparison
    from .experiments import Experiment
    from .tuner import TuningResult

_MAX_ROWS = 12


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:.6g}" if isinstance(value, float) else str(value)[:200])


def table(header: Iterable[str], rows: list[Iterable[Any]], caption: str = "", number: int | None = None) -> str:
    """At most a dozen rows. number: of rows that there are, should more be left out already."""
    more = (len(rows) if number is None else number) - _MAX_ROWS
    lines = ["<table>"]
    if caption:
        lines.append(f"<caption>{html.escape(caption)}</caption>")
    lines.append("<tr>" + "".join(f"<th>{_cell(name)}</th>" for name in header) + "</tr>")
    for row in rows[:_MAX_ROWS]:
        lines.append("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>")
    if more > 0:
        lines.append(f"<tr><td>and {more} more</td></tr>")
    return "\n".join([*lines, "</table>"])


def _trials(history: Any) -> str:
    return f"{history.num_trials} trial" + "s" * (history.num_trials != 1)


def _trials_html(history: Any, metrics: list[dict[str, Any]], caption: str) -> str:
    """The best last values first, also of trials that were stopped."""
    metric = metrics[0]
    ranked = []
    for number in range(history.num_trials):
        value = history.last_value(number, metric["name"])
        if value is not None:
            ranked.append((value if metric["mode"] == "min" else -value, number))
    ranked.sort()
    names = [one["name"] for one in metrics]
    rows: list[Iterable[Any]] = []
    configured: list[str] = []
    for _, number in ranked[:_MAX_ROWS]:
        trial = history.trial(number)
        configured = configured or list(trial["configuration"])
        values = [history.last_value(number, name) for name in names]
        rows.append([number, trial["status"], *values, *(trial["configuration"].get(name) for name in configured)])
    return table(["trial", "status", *names, *configured], rows, caption, len(ranked))


def experiment_html(experiment: Experiment) -> str:
    caption = f"experiment {experiment.name}: {experiment.status}, {_trials(experiment.history)}"
    return _trials_html(experiment.history, experiment.metrics, f"{caption}, {experiment.time:.4g} s")


def result_html(result: TuningResult) -> str:
    caption = f"tuning {result.name}: {result.reason}, {_trials(result.history)}, {result.time:.4g} s"
    return _trials_html(result.history, result.experiment().metrics, caption)


def comparison_html(comparison: Comparison) -> str:
    rows: list[Iterable[Any]] = []
    for label, points in comparison.curves.items():
        rows.append([label, *(points[-1] if points else (None,) * 4)])
    caption = f"best {comparison.metric['name']} so far over {comparison.over}, at the end"
    return table(["label", "at", "mean", "lower", "upper"], rows, caption)


def space_html(space: Any) -> str:
    rows: list[Iterable[Any]] = [[name, repr(domain)] for name, domain in space.parameters.items()]
    rows += [["constraint", text] for text in space.constraints]
    rows += [[f"{name} only if", text] for name, text in space.conditions.items()]
    return table(["parameter", "values"], rows)
