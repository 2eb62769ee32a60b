"""Experiments as they are stored: tables, recommendations, pictures."""

from __future__ import annotations

import json
import os

from . import _core, program
from .errors import NotFound, Unsupported
from .sources import SourceExperiment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load_experiment(name: str, root: str | os.PathLike[str] | None = None) -> Experiment:
    """The experiment of that name, as it is now; also while it runs."""
    return Experiment(_core.read_experiment(program.root_folder(root), name), program.root_folder(root))


def list_experiments(root: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Dicts with name, folder, created (Unix time), running, problem (empty, or why it can't be
    read); the newest first."""
    return _core.list_experiments(program.root_folder(root))


def remove_experiment(name: str, root: str | os.PathLike[str] | None = None) -> None:
    """Removes it with all its files."""
    _core.remove_experiment(program.root_folder(root), name)


def import_or_say(module: str, purpose: str) -> Any:
    """An optional package, or an error that says what it is for."""
    try:
        return __import__(module, fromlist=["*"])
    except ImportError:
        package = module.split(".")[0]
        raise Unsupported(f"{purpose} needs {package}, which is not installed", f"pip install {package}") from None


class Experiment:
    """A snapshot of an experiment.

    name, created (Unix time), status ("finished", "running", ...), time (running time in seconds),
    definition (what was tuned, as a dict), space, history.
    """

    def __init__(self, stored: _core.StoredExperiment, root: str) -> None:
        self._stored = stored
        self.name = stored.name
        self.path = os.path.join(root, stored.name)
        self.created = stored.created
        self.status = stored.status
        self.time = stored.time
        self.definition: dict[str, Any] = stored.definition
        self.space = stored.space
        self._results: Any = None

    @property
    def history(self) -> _core.History:
        return self._stored.history

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """Dicts with name, mode, role, kind."""
        return self.definition["metrics"]

    def metric(self, name: str | None = None) -> dict[str, Any]:
        """The metric of that name as a dict; the first one without a name."""
        for metric in self.metrics:
            if name is None or metric["name"] == name:
                return metric
        names = ", ".join(metric["name"] for metric in self.metrics)
        raise NotFound(f"experiment '{self.name}' has no metric '{name}'", f"one of: {names}")

    def columns(self) -> dict[str, list[Any]]:
        """The table of reports without pandas: {column: list of cells}."""
        return self._stored.columns()

    @property
    def results(self) -> Any:
        """The table of reports as a pandas DataFrame with Syne Tune's columns: the metrics, st_*,
        trial_id, config_<name>, st_tuner_time, and ours (sj_*)."""
        if self._results is None:
            pandas = import_or_say("pandas", "a table as a DataFrame")
            self._results = pandas.DataFrame(self.columns())
        return self._results

    def to_arrow(self) -> Any:
        """The table of reports as a pyarrow.Table, in the library's own buffers. Other packages that know
        Arrow take the experiment itself: polars.DataFrame(experiment)."""
        return import_or_say("pyarrow", "a table of Arrow").table(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._stored.arrow_stream()

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """The table as text, or written to path."""
        text = self._stored.csv()
        if path is None:
            return text
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return None

    def recommend(self, metric: str | None = None) -> dict[str, Any] | None:
        """The configuration to believe in under noise: a dict with configuration, trial_id, mean,
        lower, upper, probability_best, best_value, ...; None before the first value."""
        return self._stored.recommend(metric)

    def best_config(self, metric: str | None = None) -> dict[str, Any] | None:
        """The configuration to believe in, as a dict; None before the first value."""
        found = self.recommend(metric)
        return found and found["configuration"]

    def importance(self, metric: str | None = None, seed: int = 0) -> dict[str, Any]:
        """Which parameters matter for the metric, by permutation on forests that judge trials which they have
        not seen: a dict with parameters (list of dicts with parameter, share and increase, of the squared error; the
        most important first), explained (part of the metric's variance that the forests predict: near 0 the shares
        mean nothing), num_trials. Needs ten measured trials."""
        return _core.parameter_importance(self.space, self.history, self.metric(metric), seed)

    def source(self, metric: str | None = None) -> SourceExperiment:
        """What it measured, for other tunings to begin from. Of tunings of downloads: what their search
        measured, without drift and without the verdict's own downloads."""
        return SourceExperiment.from_dict(self._stored.source(metric))

    @property
    def verdict(self) -> dict[str, Any] | None:
        """Of a tuning of S3 downloads that has ended: its head-to-head, a dict; None for others."""
        try:
            with open(os.path.join(self.path, "verdict.json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def front(self) -> list[dict[str, Any]]:
        """With several objectives, the trials that no other is better than."""
        return self.history.front(self.metrics)

    def curve(self, metric: str | None = None, over_trials: bool = False) -> list[tuple[Any, ...]]:
        """Tuples (time, trial, value, best so far), in order of time or of trials."""
        return self._stored.curve(metric, over_trials)

    def plot(self, metric: str | None = None, ax: Any = None) -> Any:
        """The best value so far over running time. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.best_so_far(self, metric, ax)

    def plot_trials_over_time(self, metric: str | None = None, ax: Any = None) -> Any:
        """Every report over running time, a line a trial. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.trials_over_time(self, metric, ax)

    def plot_pareto(self, ax: Any = None) -> Any:
        """The first two objectives of all trials, the front among them. Needs matplotlib."""
        from . import plots

        return plots.pareto(self, ax)

    def plot_learning_curves(self, resource: str, metric: str | None = None, ax: Any = None) -> Any:
        """The metric over a resource that was reported (epochs, ...), a line a trial. Needs matplotlib."""
        from . import plots

        return plots.learning_curves(self, resource, metric, ax)

    def plot_parallel_coordinates(self, metric: str | None = None, ax: Any = None) -> Any:
        """A line a trial through its parameters, each from 0 to 1 of its domain; the best are red. Needs
        matplotlib."""
        from . import plots

        return plots.parallel_coordinates(self, metric, ax)

    def plot_importance(self, metric: str | None = None, ax: Any = None) -> Any:
        """The shares of importance(), a bar a parameter. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.importance(self, metric, ax)

    def _repr_html_(self) -> str:
        from .display import experiment_html

        return experiment_html(self)

    def __repr__(self) -> str:
        return f"Experiment(name={self.name!r}, status={self.status!r}, trials={self.history.num_trials})"
