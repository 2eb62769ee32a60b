"""Experiments as Syne Tune keeps them, its own among them: results.csv.zip and metadata.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..experiments import import_or_say
from .constants import ST_METADATA_FILENAME, ST_RESULTS_DATAFRAME_FILENAME
from .util import experiment_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass
class ExperimentResult:
    """results: DataFrame, or None if nothing was reported. metadata: dict."""

    name: str
    results: Any
    metadata: dict[str, Any] | None
    tuner: Any
    path: Path

    def __str__(self):
        if self.results is None:
            return f"Experiment {self.name}"
        trials = self.results["trial_id"].nunique()
        return f"Experiment {self.name} contains {len(self.results)} evaluations from {trials} trials"

    def creation_date(self):
        return datetime.fromtimestamp(self.metadata["st_tuner_creation_timestamp"])

    def metric_mode(self):
        return self.metadata["metric_mode"]

    def metric_names(self):
        return self.metadata["metric_names"]

    def entrypoint_name(self):
        return self.metadata["entrypoint"]

    def _metric(self, metric):
        names = self.metric_names()
        index = metric if isinstance(metric, int) else names.index(metric)
        mode = self.metric_mode()
        return names[index], mode if isinstance(mode, str) else mode[index]

    def best_config(self, metric=0):
        """The row with the best value, without the columns st_* and ours."""
        name, mode = self._metric(metric)
        values = self.results[name]
        row = self.results.loc[values.idxmin() if mode == "min" else values.idxmax()]
        return {key: value for key, value in row.items() if not key.startswith(("st_", "sj_"))}

    def plot(self, metric_to_plot=0, figure_path=None, **plt_kwargs):
        """The best value so far over time."""
        name, mode = self._metric(metric_to_plot)
        frame = self.results.sort_values("st_tuner_time")
        best = frame[name].cummin() if mode == "min" else frame[name].cummax()
        figure, axes = _figure()
        axes.plot(frame["st_tuner_time"], best, **plt_kwargs)
        axes.set_title(f"Best result over time {self.name}")
        _finish(figure, axes, name, figure_path)

    def plot_trials_over_time(self, metric_to_plot=0, figure_path=None, figsize=None):
        """Every report over time, a line a trial, a cross where one was stopped."""
        name, _ = self._metric(metric_to_plot)
        figure, axes = _figure(figsize=figsize or (12, 4))
        for _, frame in self.results.groupby("trial_id"):
            axes.plot(frame["st_tuner_time"], frame[name], marker=".", alpha=0.5)
        stopped = self.results[self.results["st_decision"] == "STOP"]
        axes.plot(stopped["st_tuner_time"], stopped[name], "x", color="red")
        axes.set_title("Trials over time")
        _finish(figure, axes, name, figure_path)


def _figure(**options):
    return import_or_say("matplotlib.pyplot", "a picture").subplots(**options)


def _finish(figure, axes, name, figure_path):
    axes.set_xlabel("wallclock time [s]")
    axes.set_ylabel(name)
    if figure_path is not None:
        figure.savefig(figure_path)
    else:
        figure.show()


def get_metadata(path_filter=None, root=None):
    """{name: metadata} of the experiments that have some; path_filter: name -> bool."""
    found = {}
    for path in sorted(Path(root or experiment_path()).glob(f"**/{ST_METADATA_FILENAME}")):
        if path_filter is None or path_filter(str(path)):
            try:
                found[path.parent.name] = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
    return found


def load_experiment(tuner_name, download_if_not_found=True, load_tuner=False, local_path=None, experiment_name=None):
    """The experiment; what is missing of it is None."""
    pandas = import_or_say("pandas", "a table as a DataFrame")
    path = experiment_path(tuner_name, local_path)
    if experiment_name is not None:
        path = path.parent / experiment_name / tuner_name
    results = metadata = None
    if (path / ST_RESULTS_DATAFRAME_FILENAME).exists():
        try:
            results = pandas.read_csv(path / ST_RESULTS_DATAFRAME_FILENAME)
        except pandas.errors.EmptyDataError:  # nothing was reported
            pass
    if (path / ST_METADATA_FILENAME).exists():
        metadata = json.loads((path / ST_METADATA_FILENAME).read_text())
    return ExperimentResult(tuner_name, results, metadata, _load_tuner(path) if load_tuner else None, path)


def _load_tuner(path):
    from .tuner import Tuner

    return Tuner.load(path)


def list_experiments(path_filter=None, experiment_filter=None, root=None, load_tuner=False):
    """The experiments with results, the newest first."""
    experiments = []
    for name in get_metadata(path_filter, root):
        experiment = load_experiment(name, local_path=root)
        has_results = experiment.results is not None and len(experiment.results) > 0
        if has_results and (experiment_filter is None or experiment_filter(experiment)):
            experiments.append(experiment)
    return sorted(experiments, key=lambda e: e.metadata["st_tuner_creation_timestamp"], reverse=True)


def load_experiments_df(path_filter=None, experiment_filter=None, root=None, load_tuner=False):
    """The tables of all experiments, one below the other, with the experiment's name and metadata."""
    pandas = import_or_say("pandas", "a table as a DataFrame")
    frames = []
    for experiment in list_experiments(path_filter, experiment_filter, root):
        frame = experiment.results.copy()
        frame["tuner_name"] = experiment.name
        for key, value in experiment.metadata.items():
            if isinstance(value, (int, float, str)):
                frame[key] = value
        frames.append(frame)
    return pandas.concat(frames) if frames else pandas.DataFrame()
