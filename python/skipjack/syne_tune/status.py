"""Trials and the state of a tuning in Syne Tune's words, folded from Skipjack's events."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Status:
    """Where a trial stands."""

    completed = "Completed"
    in_progress = "InProgress"
    failed = "Failed"
    paused = "Paused"
    stopped = "Stopped"
    stopping = "Stopping"


_OUTCOMES = {
    "completed": Status.completed,
    "failed": Status.failed,
    "stopped": Status.stopped,
    "paused": Status.paused,
    "lost": Status.in_progress,
}


@dataclass
class TrialResult:
    trial_id: int
    config: dict[str, Any]
    creation_time: datetime.datetime
    metrics: list[dict[str, Any]] = field(default_factory=list)
    status: str = Status.in_progress
    training_end_time: datetime.datetime | None = None

    @property
    def seconds(self):
        end = self.training_end_time or datetime.datetime.now()
        return (end - self.creation_time).seconds


@dataclass
class Trial:
    trial_id: int
    config: dict[str, Any]
    creation_time: datetime.datetime = field(default_factory=datetime.datetime.now)

    def add_results(self, metrics, status, training_end_time):
        return TrialResult(self.trial_id, self.config, self.creation_time, metrics, status, training_end_time)


class MetricsStatistics:
    """Counts, extremes, sums and last values of what was reported."""

    def __init__(self):
        self.count = 0
        self.min_metrics, self.max_metrics, self.sum_metrics, self.last_metrics = {}, {}, {}, {}

    def add(self, metrics):
        self.count += 1
        self.last_metrics.update(metrics)
        for name, value in metrics.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self.min_metrics[name] = min(value, self.min_metrics.get(name, value))
                self.max_metrics[name] = max(value, self.max_metrics.get(name, value))
                self.sum_metrics[name] = self.sum_metrics.get(name, 0) + value


class TuningStatus:
    """The state of a tuning, for stopping functions and status tables."""

    def __init__(self, metric_names):
        self.metric_names = metric_names
        self.overall_metric_statistics = MetricsStatistics()
        self.trial_metric_statistics = {}
        self.last_trial_status_seen = {}
        self.trials = {}
        self._ended_at = {}
        self._start = time.time()
        self._running_time = 0.0

    def apply(self, event):
        """One event of Skipjack's."""
        self._running_time = event["time"]
        kind, trial = event["type"], event.get("trial")
        if kind == "trial_started":
            created = datetime.datetime.fromtimestamp(event["unix_time"])
            self.trials[trial] = Trial(trial, event["configuration"], created)
            self.last_trial_status_seen[trial] = Status.in_progress
            self.trial_metric_statistics[trial] = MetricsStatistics()
        elif kind == "trial_resumed":
            self.last_trial_status_seen[trial] = Status.in_progress
        elif kind == "reported":
            self.overall_metric_statistics.add(event["metrics"])
            self.trial_metric_statistics[trial].add(event["metrics"])
        elif kind == "attempt_ended":
            self.last_trial_status_seen[trial] = _OUTCOMES[event["outcome"]]

    def tick(self, running_time):
        self._running_time = running_time

    def _count(self, *statuses):
        return sum(status in statuses for status in self.last_trial_status_seen.values())

    @property
    def num_trials_started(self):
        return len(self.trials)

    @property
    def num_trials_completed(self):
        return self._count(Status.completed)

    @property
    def num_trials_failed(self):
        return self._count(Status.failed)

    @property
    def num_trials_finished(self):
        return self._count(Status.completed, Status.failed, Status.stopped, Status.stopping)

    @property
    def num_trials_running(self):
        return self._count(Status.in_progress)

    @property
    def wallclock_time(self):
        return self._running_time

    @property
    def user_time(self):
        return sum(s.last_metrics.get("st_worker_time", 0) for s in self.trial_metric_statistics.values())

    @property
    def cost(self):
        return sum(s.last_metrics.get("st_worker_cost", 0) for s in self.trial_metric_statistics.values())

    def rows(self):
        """One dict a trial: what the status table shows."""
        rows = []
        for number, trial in self.trials.items():
            statistics = self.trial_metric_statistics[number]
            row = {"trial_id": number, "status": self.last_trial_status_seen[number], "iter": statistics.count}
            row.update(trial.config)
            last = statistics.last_metrics
            row.update({name: value for name, value in last.items() if not name.startswith("st_")})
            row["worker-time"] = last.get("st_worker_time")
            row["worker-cost"] = last.get("st_worker_cost")
            rows.append(row)
        return rows

    def get_dataframe(self):
        """rows() as a pandas DataFrame."""
        from ..experiments import import_or_say

        return import_or_say("pandas", "a table as a DataFrame").DataFrame(self.rows())

    def __str__(self):
        rows = self.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        if not any(row.get("worker-cost") is not None for row in rows):
            columns = [name for name in columns if name != "worker-cost"]
        table = _aligned(columns, [[row.get(name) for name in columns] for row in rows])
        running = self.num_trials_running
        text = f"{table}\n{running} trials running, {self.num_trials_started - running} finished "
        text += f"({self.num_trials_completed} until the end), {self.wallclock_time:.2f}s wallclock-time"
        return text + (f", ${self.cost:.2f} estimated cost" if self.cost else "") + "\n"


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _aligned(columns, rows):
    """Columns flush right, a blank between them."""
    cells = [columns, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(" ".join(text.rjust(width) for text, width in zip(line, widths)) for line in cells)


def best_trial(status, metric_names, mode):
    """(trial, value) of the first metric's best value, or (None, None)."""
    metric = metric_names[0]
    mode = mode if isinstance(mode, str) else mode[0]
    values = {}
    for trial, statistics in status.trial_metric_statistics.items():
        found = (statistics.min_metrics if mode == "min" else statistics.max_metrics).get(metric)
        if found is not None:
            values[trial] = found
    if not values:
        return None, None
    trial = (min if mode == "min" else max)(values, key=values.get)
    return trial, values[trial]


def print_best_metric_found(tuning_status, metric_names, mode=None):
    """The lines that end a tuning."""
    trial, value = best_trial(tuning_status, metric_names, mode or "min")
    print("-" * 20)
    print(f"Resource summary (last result is reported):\n{tuning_status}")
    if trial is not None:
        print(f"{metric_names[0]}: best {value} for trial-id {trial}")
    print("-" * 20)
    return trial, value
