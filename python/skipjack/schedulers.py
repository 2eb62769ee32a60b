"""Schedulers and searchers written in Python, which the library's loop calls.

A searcher proposes configurations; a scheduler decides which trials start, go on, pause and stop:

    class Halves(skipjack.Searcher):
        def suggest(self, history, **context):
            return {"x": 0.5 ** history.num_trials}

    stop = skipjack.StoppingCriterion(max_trials_started=20)
    skipjack.Tuner(backend, space, "loss", method=Halves(), stop=stop).run()

The journal keeps what they decided, not how: an experiment with one can be read, but not resumed,
unless the class says `is_function_of_events = True` and it is given to resume() again.

Events are dicts with "type", "number" (0, 1, 2, ...), "time" (running time of the experiment in seconds),
"unix_time" and

    type                  and
    run_started           run, environment: a tuner begins or resumes the experiment
    trial_started         trial, configuration, and where they are set checkpoint_from, max_resource, deadline_ns, tag
    reported              trial, attempt, metrics: the dict that the trial reported
    stop_ordered          trial, reason, bound if one is known
    pause_ordered         trial
    attempt_ended         trial, attempt, outcome ("completed", "failed", "stopped", "paused", "lost": it runs again),
                          reason, and where they are known exit_code, signal, error_tail
    trial_resumed         trial, attempt, max_resource if set: the next attempt of a trial
    deadline_set          trial, deadline_ns
    deadline_reached      trial
    checkpoint_removed    trial: what is kept of it can't be gone on from
    model_fitted          parameters, of a searcher of the library
    run_ended             run, reason: "max_time", "interrupted", "finished", ...
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._core import History


@dataclass
class Start:
    """Start a new trial. deadline: running time of the experiment, in seconds, at which an event
    "deadline_reached" comes. tag: what is to be remembered of the trial."""

    configuration: dict[str, Any]
    checkpoint_from: int | None = None
    max_resource: int | None = None
    deadline: float | None = None
    tag: Any = None


@dataclass
class Resume:
    """Start the next attempt of a paused trial."""

    trial: int
    max_resource: int | None = None


@dataclass
class Pause:
    trial: int


@dataclass
class Stop:
    """Stop a running trial. bound: the objective would have been at least (min) or at most (max) this."""

    trial: int
    reason: str = "stopped by the scheduler"
    bound: float | None = None


@dataclass
class SetDeadline:
    trial: int
    deadline: float


@dataclass
class Wait:
    """Nothing to start before the next event."""


@dataclass
class Finished:
    """Nothing to start ever; the tuning ends when the running trials have."""

    reason: str = "finished"


def name_of(method: Scheduler | Searcher) -> str:
    """What messages and tables call it."""
    return method.called_as or type(method).__name__


_TYPES = {
    Start: "start",
    Resume: "resume",
    Pause: "pause",
    Stop: "stop",
    SetDeadline: "set_deadline",
    Wait: "wait",
    Finished: "finished",
}


class Scheduler:
    """Base class. The state is changed by apply() alone. called_as: its name in messages and tables; None: the
    class's."""

    is_function_of_events = False
    called_as: str | None = None

    def apply(self, event: dict[str, Any], history: History) -> None:
        """Every event of the experiment, in order, once; the module's text lists them."""

    def decide(
        self,
        history: History,
        *,
        now: float,
        free_workers: int,
        starts_full: bool,
        remaining_fraction: float | None,
        remaining_time: float | None,
    ) -> list[Any]:
        """A list of commands; at most free_workers of them may be Start or Resume. Called after events
        and while a worker is free. Take **view for what isn't named: later versions may tell more.

        starts_full: the experiment has had all the trials that it may have, and a Start would be its end; what
        is paused can still be resumed."""
        raise NotImplementedError


class Searcher:
    """Base class: trials run to their end in the order in which they are proposed. It is asked for every trial, the
    first too; a tuning's points_to_evaluate, where they are given, come before. called_as: as of Scheduler."""

    is_function_of_events = False
    called_as: str | None = None

    def suggest(
        self, history: History, *, resource: int | None, remaining_fraction: float | None
    ) -> dict[str, Any] | str | None:
        """A configuration (what it lacks is filled by midpoints), "wait", or None for nothing more."""
        raise NotImplementedError


class CommandWriter:
    """A scheduler as the library calls it: commands as dicts."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.apply = scheduler.apply

    def decide(self, history: History, **view: Any) -> list[dict[str, Any]]:
        commands = self._scheduler.decide(history, **view) or []
        written = []
        for command in commands:
            if type(command) not in _TYPES:
                raise InvalidArgument(
                    f"decide() gave a {type(command).__name__}", "give a list of Start, Resume, Pause, Stop, ..."
                )
            written.append({"type": _TYPES[type(command)], **asdict(command)})
        return written
