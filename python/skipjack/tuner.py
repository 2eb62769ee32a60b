"""A tuning: a backend, a search space, a method, and when to stop."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, fields

from . import _core, program
from .backends import ProgramBackend
from .errors import InvalidArgument, kind_of, listed, seed_of, text_of
from .methods import method_of
from .metrics import metric_list
from .schedulers import CommandWriter, Scheduler, Searcher, name_of
from .sources import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from .experiments import Experiment
    from .methods import Method
    from .metrics import Metric
    from .sources import SourceExperiment

    StopFunction = Callable[[dict[str, Any], _core.History], bool]
    Stop: TypeAlias = "StoppingCriterion | StopFunction | Sequence[StoppingCriterion | StopFunction] | None"


@dataclass
class PlateauCriterion:
    """Ends the tuning when the values of the num_trials best trials differ by no more than
    standard_deviation, and patience further trials have ended since."""

    metric: str
    mode: str = "min"
    num_trials: int = 10
    standard_deviation: float = 0.001
    patience: int = 0


@dataclass
class StoppingCriterion:
    """Any one that holds ends the tuning. Times are in seconds of running time, numbers are exact:
    max_trials_started=6 starts six trials."""

    max_time: float | None = None
    max_reports: int | None = None
    max_trials_started: int | None = None
    max_trials_completed: int | None = None
    max_trials_finished: int | None = None
    max_cost: float | None = None
    cost_metric: str = "st_worker_cost"
    min_metric_value: dict[str, float] = field(default_factory=dict)
    max_metric_value: dict[str, float] = field(default_factory=dict)
    plateau: PlateauCriterion | None = None

    def to_dict(self) -> dict[str, Any]:
        """As definitions hold it: set fields only."""
        result = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) not in (None, {})}
        if self.max_cost is None:
            del result["cost_metric"]
        if self.plateau is not None:
            result["plateau"] = vars(self.plateau).copy()
        return result


class Running:
    """A tuning while it runs. name, root, path (its folder), definition (what is tuned, as a dict)."""

    def __init__(self, name: str, root: str, definition: dict[str, Any]) -> None:
        self.name = name
        self.root = root
        self.path = os.path.join(root, name)
        self.definition = definition
        self.interrupt = _core.Interrupt()

    def stop(self) -> None:
        """Ends it, from a callback or another thread; it can be resumed."""
        self.interrupt.request()


class Callback:
    """Watches a tuning; methods that are not overridden cost nothing. What it raises ends the tuning.

    history is a view that ends with the call. Events are dicts with "type", "number", "time" and what
    belongs to the type; they are told after they are in the journal.
    """

    def on_start(self, running: Running) -> None:
        """Before the first trial: a Running."""

    def on_event(self, event: dict[str, Any], history: _core.History) -> None:
        """Every event: skipjack.schedulers lists them."""

    def on_turn(self, turn: dict[str, Any], history: _core.History) -> None:
        """After each turn of the loop, ten times a second at least: a dict with now, num_running,
        num_queued, remaining_time, remaining_fraction, ending_reason."""

    def on_end(self, result: TuningResult) -> None:
        """After the last trial, also of a tuning that was interrupted."""


@dataclass
class TuningResult:
    """name: of the experiment. history: all trials. reason: why it ended. time: running time in seconds."""

    name: str
    root: str
    history: Any
    reason: str
    time: float

    def experiment(self) -> Experiment:
        """The experiment as it is stored: table, plots, recommendation."""
        from .experiments import load_experiment

        return load_experiment(self.name, root=self.root)

    def best(self) -> dict[str, Any] | None:
        """The recommendation: a dict with configuration, trial_id, mean, best_value, ...; None if no
        trial has a value."""
        return self.experiment().recommend()

    def _repr_html_(self) -> str:
        from .display import result_html

        return result_html(self)

    def __repr__(self) -> str:
        trials, failed = self.history.num_trials, self.history.counts["failed"]
        more = f", failed={failed}" if failed else ""
        return f"TuningResult(name={self.name!r}, reason={self.reason!r}, time={self.time:.3g}, trials={trials}{more})"


class Tuner:
    """Searches for the best configuration of what the backend runs.

    backend: LocalBackend, SlurmBackend or PythonBackend. space: a dict of domains and constants, or a SearchSpace.
    metrics: a name, a Metric, or a list; mode: of those given by name.
    method: a name, one of skipjack.methods, or a Scheduler or Searcher of your own.
    stop: a StoppingCriterion, a function (turn, history) -> bool, or a list of these.
    workers: trials at the same time. seed: the same seed and the same results give the same questions.
    name: of the experiment; default: the program's and the time. root: folder of experiments.
    points_to_evaluate: configurations to begin with; []: none; None: the middle of the space, but none where a
    Searcher of your own decides. A Scheduler of your own starts what it likes.
    sources: earlier experiments to learn from: names, or SourceExperiments.
    max_failures: ends once more trials than this failed; None: never.
    max_initial_failures: ends with an error if the first so many trials all fail; None: never.
    trial_time_limit: seconds after which a trial has failed.
    at_end: "stop_running" or "wait_for_running". callbacks: list of Callback.
    extra: kept with the experiment. survive_power_loss: one fsync a turn.
    """

    def __init__(
        self,
        backend: ProgramBackend,
        space: Mapping[str, Any] | _core.SearchSpace | str,
        metrics: str | Metric | Iterable[str | Metric],
        *,
        mode: str | Iterable[str] = "min",
        method: str | Method | type[Method] | Scheduler | Searcher = "bayesopt",
        stop: Stop = None,
        workers: int = 1,
        seed: int = 0,
        name: str | None = None,
        root: str | os.PathLike[str] | None = None,
        points_to_evaluate: Iterable[Mapping[str, Any]] | None = None,
        sources: Iterable[str | SourceExperiment] = (),
        max_failures: int | None = None,
        max_initial_failures: int | None = 5,
        trial_time_limit: float | None = None,
        at_end: str = "stop_running",
        callbacks: Iterable[Callback] = (),
        extra: dict[str, Any] | None = None,
        survive_power_loss: bool = False,
    ) -> None:
        if not isinstance(backend, ProgramBackend):
            raise InvalidArgument(
                f"backend must be a LocalBackend, a SlurmBackend or a PythonBackend, not {kind_of(backend)}",
                'LocalBackend("train.py") runs a program, PythonBackend(f) a function',
            )
        root = program.root_folder(root)
        name = text_of("name", name) if name else _core.default_experiment_name(backend.name, time.time())
        _core.validate_experiment_name(name)
        self._callbacks = _callback_list(callbacks)
        self._sources, given_sources = split(sources)
        self._method = method
        self._survive_power_loss = survive_power_loss
        self._max_initial_failures = max_initial_failures
        criterion, self._functions = _split_stop(stop)
        space = space if isinstance(space, _core.SearchSpace) else _core.SearchSpace(space)
        definition = {
            "space": space.to_dict(),
            "metrics": metric_list(metrics, mode),
            **_method_definition(method),
            "seed": seed_of(seed),
            "workers": workers,
            "stop": criterion.to_dict(),
            "at_end": at_end,
            "program": backend.program(),
            "extra": extra,
        }
        if given_sources:
            definition["sources"] = given_sources
        if points_to_evaluate is not None:
            definition["points_to_evaluate"] = listed("points_to_evaluate", points_to_evaluate)
        if max_failures is not None:
            definition["max_failures"] = max_failures
        if trial_time_limit is not None:
            definition["trial_time_limit"] = trial_time_limit
        if isinstance(method, (Scheduler, Searcher)):
            definition["extra"] = {**(extra or {}), "python_method": name_of(method)}
        _core.validate_definition(definition)
        definition["program"]["environment"].setdefault("SKIPJACK_METRIC", definition["metrics"][0]["name"])
        self._running = Running(name, root, definition)

    def run(self) -> TuningResult:
        """Runs the tuning to its end and returns a TuningResult. Ctrl-C ends the trials, keeps the
        results and then raises KeyboardInterrupt."""
        if not self._functions and not isinstance(self._method, (Scheduler, Searcher)):  # these may end it themselves
            _require_end(self._running.definition)
        method = self._method
        if isinstance(method, (Scheduler, Searcher)) and not method.is_function_of_events:
            _log(
                "warning",
                f"an experiment with {name_of(method)} can't be resumed: it does not say that its "
                "state follows from the events",
            )
        return _run(
            self._running,
            self._callbacks,
            _hooks(method, self._callbacks, self._functions),
            lambda run: run.start(self._running.definition, self._sources),
            survive_power_loss=self._survive_power_loss,
            max_initial_failures=self._max_initial_failures,
        )

    @property
    def name(self) -> str:
        return self._running.name

    @property
    def path(self) -> str:
        """The experiment's folder."""
        return self._running.path

    @property
    def definition(self) -> dict[str, Any]:
        """What is tuned, as the journal keeps it."""
        return self._running.definition

    def stop(self) -> None:
        """Ends a tuning that runs, from another thread; it can be resumed."""
        self._running.stop()


def resume(
    name: str,
    *,
    root: str | os.PathLike[str] | None = None,
    stop: Stop = None,
    add_time: float | None = None,
    add_trials: int | None = None,
    method: Scheduler | Searcher | None = None,
    callbacks: Iterable[Callback] = (),
) -> TuningResult:
    """Goes on with an experiment where its journal ends.

    stop: a new criterion, or functions, as for Tuner. add_time: seconds beyond what has been used;
    add_trials: likewise. method: the scheduler or searcher of an experiment that had its own.
    """
    root = program.root_folder(root)
    criterion, functions = _split_stop(stop)
    definition = _core.read_experiment(root, name).definition
    extra = definition.get("extra")
    extra = extra if isinstance(extra, dict) else {}
    if extra.get("kind"):
        raise InvalidArgument(
            f"experiment '{name}' is a tuning of its own kind, {extra['kind']}", f"run: skipjack resume {name}"
        )
    its_own = extra.get("python_method")
    if its_own and method is None:
        raise InvalidArgument(
            f"experiment '{name}' was run by {its_own}, which is not kept with it",
            "give that scheduler or searcher as method",
        )
    if method is not None and not getattr(method, "is_function_of_events", False):
        raise InvalidArgument(
            f"{name_of(method)} can't go on with an experiment: it does not say that its state follows from the events",
            "set is_function_of_events = True if it does",
        )
    callbacks = _callback_list(callbacks)
    running = Running(name, root, definition)
    hooks = _hooks(method, callbacks, functions)
    return _run(running, callbacks, hooks, lambda run: run.resume(criterion.to_dict() or None, add_time, add_trials))


def _callback_list(callbacks):
    callbacks = listed("callbacks", callbacks, Callback)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise InvalidArgument(f"callbacks must hold objects of subclasses of Callback, not {kind_of(callback)}")
    return callbacks


def _split_stop(stop):
    """One criterion, and the functions."""
    given = stop if isinstance(stop, (list, tuple)) else [] if stop is None else [stop]
    criteria = [item for item in given if isinstance(item, StoppingCriterion)]
    functions = [item for item in given if not isinstance(item, StoppingCriterion)]
    if len(criteria) > 1:
        raise InvalidArgument("stop holds more than one StoppingCriterion", "set their fields in one")
    for function in functions:
        if not callable(function) or isinstance(function, type):
            raise InvalidArgument(f"stop must be a StoppingCriterion or a function, not {kind_of(function)}")
    return (criteria[0] if criteria else StoppingCriterion()), functions


def _method_definition(method):
    if isinstance(method, (Scheduler, Searcher)):
        return {"method": name_of(method)}
    chosen = method_of(method)
    return {"method": chosen.name, "method_options": chosen.options or None}


def _require_end(definition):
    if definition["stop"]:
        return
    if _core.SearchSpace.from_dict(definition["space"]).cardinality() is None:
        raise InvalidArgument(
            "nothing ends this tuning: the space is infinite and no limit is given",
            "give stop=StoppingCriterion(max_time=60), for example",
        )


def _log(level, message):
    import logging

    getattr(logging.getLogger("skipjack"), level)("%s", message)


def _overrides(callback, name):
    return getattr(type(callback), name, None) is not getattr(Callback, name)


def _hooks(method, callbacks, functions):
    """What the library calls back, by name."""
    watchers = [c for c in callbacks if _overrides(c, "on_event")]
    turn_watchers = [c for c in callbacks if _overrides(c, "on_turn")]

    def on_events(events, history):
        for event in events:
            for callback in watchers:
                callback.on_event(event, history)

    def on_turn(turn, history):
        for callback in turn_watchers:
            callback.on_turn(turn, history)

    return {
        "scheduler": CommandWriter(method) if isinstance(method, Scheduler) else None,
        "searcher": method if isinstance(method, Searcher) else None,
        "on_events": on_events if watchers else None,
        "on_turn": on_turn if turn_watchers else None,
        "stop_when": (lambda turn, history: any(f(turn, history) for f in functions)) if functions else None,
        "log": _log,
    }


def _log_failures(history):
    """Says that trials have failed, and why the first of them."""
    number = history.counts["failed"]
    for trial in range(history.num_trials if number else 0):
        seen = history.trial(trial)
        if seen["status"] == "failed":
            words = (seen["end"] or {}).get("error_tail", "").strip().splitlines()[-1:]
            reason = ": ".join([(seen["end"] or {}).get("reason", "failed"), *words])
            reason = "".join(c for c in reason if c.isprintable())  # nothing that moves a terminal's cursor
            _log("warning", f"{number} of {history.num_trials} trials failed; trial {trial}: {reason}")
            return


def _run(running, callbacks, hooks, action, **options):
    script = os.environ.get("SKIPJACK_FINDING_FUNCTION")
    if script:
        raise InvalidArgument(
            f"{script} starts a tuning when a trial looks for its function in it",
            "put what starts it under if __name__ == '__main__':, or install cloudpickle",
        )
    run = _core.Run(
        root=running.root,
        name=running.name,
        interrupt=running.interrupt,
        supervisor=program.supervisor(),
        **hooks,
        **options,
    )
    for callback in callbacks:
        callback.on_start(running)
    history, reason, seconds = action(run)
    _log_failures(history)
    result = TuningResult(running.name, running.root, history, reason, seconds)
    for callback in callbacks:
        callback.on_end(result)
    return result
