"""Experiments as they are stored: tables, recommendations, pictures."""

import json
import os

from . import _core, program
from .errors import NotFound, Unsupported


def _root(root):
    return os.path.abspath(root) if root else program.experiments_folder()


def load_experiment(name, root=None):
    """The experiment of that name, as it is now; also while it runs."""
    return Experiment(_core.read_experiment(_root(root), name), _root(root))


def list_experiments(root=None):
    """Dicts with name, folder, created (Unix time), running, problem (empty, or why it can't be
    read); the newest first."""
    return _core.list_experiments(_root(root))


def remove_experiment(name, root=None):
    """Removes it with all its files."""
    _core.remove_experiment(_root(root), name)


def import_or_say(module, purpose):
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

    def __init__(self, stored, root):
        self._stored = stored
        self.name = stored.name
        self.path = os.path.join(root, stored.name)
        self.created = stored.created
        self.status = stored.status
        self.time = stored.time
        self.definition = stored.definition
        self.space = stored.space
        self._results = None

    @property
    def history(self):
        return self._stored.history

    @property
    def metrics(self):
        """Dicts with name, mode, role, kind."""
        return self.definition["metrics"]

    def metric(self, name=None):
        """The metric of that name as a dict; the first one without a name."""
        for metric in self.metrics:
            if name is None or metric["name"] == name:
                return metric
        names = ", ".join(metric["name"] for metric in self.metrics)
        raise NotFound(f"experiment '{self.name}' has no metric '{name}'", f"one of: {names}")

    def columns(self):
        """The table of reports without pandas: {column: list of cells}."""
        return self._stored.columns()

    @property
    def results(self):
        """The table of reports as a pandas DataFrame with Syne Tune's columns: the metrics, st_*,
        trial_id, config_<name>, st_tuner_time, and ours (sj_*)."""
        if self._results is None:
            pandas = import_or_say("pandas", "a table as a DataFrame")
            self._results = pandas.DataFrame(self.columns())
        return self._results

    def to_csv(self, path=None):
        """The table as text, or written to path."""
        text = self._stored.csv()
        if path is None:
            return text
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return None

    def recommend(self, metric=None):
        """The configuration to believe in under noise: a dict with configuration, trial_id, mean,
        lower, upper, probability_best, best_value, ...; None before the first value."""
        return self._stored.recommend(metric)

    def best_config(self, metric=None):
        """The configuration to believe in, as a dict; None before the first value."""
        found = self.recommend(metric)
        return found and found["configuration"]

    @property
    def verdict(self):
        """Of a tuning of S3 downloads that has ended: its head-to-head, a dict; None for others."""
        try:
            with open(os.path.join(self.path, "verdict.json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def front(self):
        """With several objectives, the trials that no other is better than."""
        return self.history.front(self.metrics)

    def curve(self, metric=None, over_trials=False):
        """Tuples (time, trial, value, best so far), in order of time or of trials."""
        return self._stored.curve(metric, over_trials)

    def plot(self, metric=None, ax=None):
        """The best value so far over running time. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.best_so_far(self, metric, ax)

    def plot_trials_over_time(self, metric=None, ax=None):
        """Every report over running time, a line a trial. Needs matplotlib; gives its axes."""
        from . import plots

        return plots.trials_over_time(self, metric, ax)

    def plot_pareto(self, ax=None):
        """The first two objectives of all trials, the front among them. Needs matplotlib."""
        from . import plots

        return plots.pareto(self, ax)

    def plot_learning_curves(self, resource, metric=None, ax=None):
        """The metric over a resource that was reported (epochs, ...), a line a trial. Needs matplotlib."""
        from . import plots

        return plots.learning_curves(self, resource, metric, ax)

    def plot_parallel_coordinates(self, metric=None, ax=None):
        """A line a trial through its parameters, each from 0 to 1 of its domain; the best are red. Needs
        matplotlib."""
        from . import plots

        return plots.parallel_coordinates(self, metric, ax)

    def __repr__(self):
        return f"Experiment(name={self.name!r}, status={self.status!r}, trials={self.history.num_trials})"
