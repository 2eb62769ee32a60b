"""Schedulers that a launcher defines for itself, called by Skipjack's loop."""

from __future__ import annotations

import datetime
import inspect
from dataclasses import dataclass

from ..errors import InvalidArgument
from ..schedulers import Finished, Pause, Resume, Scheduler, Start, Stop
from .config_space import Domain
from .status import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SchedulerDecision:
    """What becomes of a trial after a report."""

    CONTINUE = "CONTINUE"
    PAUSE = "PAUSE"
    STOP = "STOP"


@dataclass
class TrialSuggestion:
    """A trial to start, or one to resume."""

    spawn_new_trial_id: bool = True
    checkpoint_trial_id: int | None = None
    config: dict[str, Any] | None = None

    @staticmethod
    def start_suggestion(config, checkpoint_trial_id=None):
        return TrialSuggestion(True, checkpoint_trial_id, config)

    @staticmethod
    def resume_suggestion(trial_id, config=None):
        return TrialSuggestion(False, trial_id, config)


class TrialScheduler:
    """Base class of schedulers that a launcher defines."""

    max_resource_attr = None

    def __init__(self, config_space=None, random_seed=None):
        self.config_space = config_space or {}
        self.random_seed = random_seed

    def suggest(self, trial_id=None):
        """What to start or resume, or None for nothing more."""
        suggestion = self._suggest(trial_id)
        if suggestion is not None and suggestion.config is not None:
            suggestion.config = self._postprocess_config(suggestion.config)
        return suggestion

    def _suggest(self, trial_id):
        raise NotImplementedError

    def _postprocess_config(self, config):
        """With the space's constants, values cast, names that it does not have dropped."""
        merged = {**self.config_space, **config}
        return {
            name: self.config_space[name].cast(value) if isinstance(self.config_space[name], Domain) else value
            for name, value in merged.items()
            if name in self.config_space
        }

    def on_trial_add(self, trial):
        pass

    def on_trial_error(self, trial):
        pass

    def on_trial_result(self, trial, result):
        return SchedulerDecision.CONTINUE

    def on_trial_complete(self, trial, result):
        pass

    def on_trial_remove(self, trial):
        pass

    def metric_names(self):
        raise NotImplementedError

    def metric_mode(self):
        return getattr(self, "mode", "min")

    def metadata(self):
        return {
            "metric_names": self.metric_names(),
            "metric_mode": self.metric_mode(),
            "scheduler_name": type(self).__name__,
        }


def suggested(scheduler, number):
    """What suggest() gives; from Syne Tune 0.14 on it is not told the trial's number."""
    return scheduler.suggest(number) if inspect.signature(scheduler.suggest).parameters else scheduler.suggest()


def require_begun(called, experiment):
    """Refuses to go on without what a launcher's scheduler or searcher learnt of an experiment."""
    if called.experiment != experiment:
        raise InvalidArgument(
            f"experiment '{experiment}' can't go on: what {called.called_as} knew of it is not kept",
            "go on with Tuner.load(folder) where the tuner was saved at its end, or take another tuner_name",
        )


class CalledScheduler(Scheduler):
    """A launcher's TrialScheduler as one of Skipjack's. It knows of which events it has heard already, and so can go
    on with the experiment that it has begun."""

    is_function_of_events = True

    def __init__(self, scheduler):
        self.called_as = type(scheduler).__name__
        self.scheduler = scheduler
        self.begin(None)

    def begin(self, experiment):
        """Nothing is known of that experiment yet."""
        self.experiment = experiment
        self._num_heard = 0
        self._trials = {}
        self._last = {}
        self._decided = []
        self._exhausted = False

    def begin_again(self, experiment):
        """Goes on with an experiment that it has begun."""
        require_begun(self, experiment)
        self._exhausted, self._decided = False, []

    def apply(self, event, history):
        if event["number"] < self._num_heard:
            return
        self._num_heard = event["number"] + 1
        kind, number = event["type"], event.get("trial")
        if kind == "trial_started":
            created = datetime.datetime.fromtimestamp(event["unix_time"])
            config = self._as_run(event["configuration"], event)
            trial = self._trials[number] = Trial(number, config, created)
            self.scheduler.on_trial_add(trial)
        elif kind == "trial_resumed":
            trial = self._trials[number]
            trial.config = self._as_run(trial.config, event)
        elif kind == "reported":
            self._report(number, event["metrics"])
        elif kind == "attempt_ended":
            self._end(number, event["outcome"])

    def _resource_constant(self):
        """Name of what says how far a trial goes, if it is no parameter: attempts may differ in it."""
        name = getattr(self.scheduler, "max_resource_attr", None)
        return None if isinstance(self.scheduler.config_space.get(name), Domain) else name

    def _as_run(self, config, event):
        """What the program of an attempt is given."""
        attribute, resource = self._resource_constant(), event.get("max_resource")
        return config if attribute is None or resource is None else {**config, attribute: resource}

    def _report(self, number, metrics):
        if any(command.trial == number for command in self._decided):
            return  # what comes after the decision was printed before it arrived
        self._last[number] = metrics
        decision = self.scheduler.on_trial_result(self._trials[number], metrics)
        if decision == SchedulerDecision.STOP:
            self._decided.append(Stop(number))
        elif decision == SchedulerDecision.PAUSE:
            self._decided.append(Pause(number))

    def _end(self, number, outcome):
        trial = self._trials[number]
        if outcome == "completed":
            self.scheduler.on_trial_complete(trial, self._last.get(number, {}))
        elif outcome == "failed":
            self.scheduler.on_trial_error(trial)
        elif outcome in ("stopped", "paused"):
            self.scheduler.on_trial_remove(trial)

    def decide(self, history, *, free_workers, **view):
        if self._decided:
            running = set(history.running)
            commands = [command for command in self._decided if command.trial in running]
            self._decided = []
            if commands:
                return commands
        if self._exhausted:
            return [Finished("the scheduler has nothing more to suggest")]
        if not free_workers:
            return []
        suggestion = suggested(self.scheduler, history.num_trials)
        if suggestion is None:
            self._exhausted = True
            return [Finished("the scheduler has nothing more to suggest")]
        config, resource = suggestion.config, None
        attribute = self._resource_constant()
        if attribute and config and attribute in config:
            resource = config[attribute]
            config = {name: value for name, value in config.items() if name != attribute}
        if suggestion.spawn_new_trial_id:
            return [Start(config, checkpoint_from=suggestion.checkpoint_trial_id, max_resource=resource)]
        return [Resume(suggestion.checkpoint_trial_id, max_resource=resource)]


class AskTellScheduler:
    """Ask-tell around one of Syne Tune's schedulers by name."""

    def __init__(self, base_scheduler):
        self.bscheduler = base_scheduler
        self.trial_counter = 0
        self.completed_experiments = {}

    def ask(self):
        suggestion = suggested(self.bscheduler, self.trial_counter)
        trial = Trial(self.trial_counter, suggestion.config)
        self.trial_counter += 1
        return trial

    def tell(self, trial, experiment_result):
        self.bscheduler.on_trial_complete(trial, experiment_result)
        self.completed_experiments[trial.trial_id] = trial.add_results(
            experiment_result, "Completed", datetime.datetime.now()
        )

    def best_trial(self, metric):
        sign = 1 if self.bscheduler.metric_mode() == "max" else -1
        return max(self.completed_experiments.values(), key=lambda trial: sign * trial.metrics[metric])
