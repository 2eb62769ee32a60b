"""Schedulers and searchers that a launcher defines for itself, called by Skipjack's loop."""

import datetime
from dataclasses import dataclass
from typing import Any

from ..schedulers import Finished, Pause, Resume, Scheduler, Searcher, Start, Stop
from .config_space import Domain
from .status import Trial


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


class CalledScheduler(Scheduler):
    """A launcher's TrialScheduler as one of Skipjack's."""

    def __init__(self, scheduler):
        self._scheduler = scheduler
        self._trials = {}
        self._last = {}
        self._decided = []
        self._exhausted = False

    def apply(self, event, history):
        kind, number = event["type"], event.get("trial")
        if kind == "trial_started":
            created = datetime.datetime.fromtimestamp(event["unix_time"])
            trial = self._trials[number] = Trial(number, event["configuration"], created)
            self._scheduler.on_trial_add(trial)
        elif kind == "reported":
            self._report(number, event["metrics"])
        elif kind == "attempt_ended":
            self._end(number, event["outcome"])

    def _report(self, number, metrics):
        if any(command.trial == number for command in self._decided):
            return  # what comes after the decision was printed before it arrived
        self._last[number] = metrics
        decision = self._scheduler.on_trial_result(self._trials[number], metrics)
        if decision == SchedulerDecision.STOP:
            self._decided.append(Stop(number))
        elif decision == SchedulerDecision.PAUSE:
            self._decided.append(Pause(number))

    def _end(self, number, outcome):
        trial = self._trials[number]
        if outcome == "completed":
            self._scheduler.on_trial_complete(trial, self._last.get(number, {}))
        elif outcome == "failed":
            self._scheduler.on_trial_error(trial)
        elif outcome in ("stopped", "paused"):
            self._scheduler.on_trial_remove(trial)

    def decide(self, history, *, now, free_workers, remaining_fraction, remaining_time):
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
        suggestion = self._scheduler.suggest(history.num_trials)
        if suggestion is None:
            self._exhausted = True
            return [Finished("the scheduler has nothing more to suggest")]
        if suggestion.spawn_new_trial_id:
            return [Start(suggestion.config, checkpoint_from=suggestion.checkpoint_trial_id)]
        resource = None
        attribute = getattr(self._scheduler, "max_resource_attr", None)
        if attribute and suggestion.config:
            resource = suggestion.config.get(attribute)
        return [Resume(suggestion.checkpoint_trial_id, max_resource=resource)]


class BaseSearcher:
    """Base class of searchers that a launcher defines."""

    def __init__(self, config_space, metric=None, points_to_evaluate=None, mode="min", random_seed=None, **_):
        self.config_space = config_space
        self._metric = metric
        self._mode = mode
        self.points_to_evaluate = list(points_to_evaluate or [])
        self.random_seed = random_seed

    def _next_initial_config(self):
        return self.points_to_evaluate.pop(0) if self.points_to_evaluate else None

    def get_config(self, **kwargs):
        """A configuration, or None for nothing more."""
        raise NotImplementedError

    def suggest(self, **kwargs):
        return self.get_config(**kwargs)

    def on_trial_result(self, trial_id, config, result, update):
        pass

    def on_trial_complete(self, trial_id, config, result):
        pass


class StochasticSearcher(BaseSearcher):
    """One with a generator of its own, random_state."""

    def __init__(self, config_space, metric=None, points_to_evaluate=None, random_seed=None, **kwargs):
        super().__init__(config_space, metric, points_to_evaluate, random_seed=random_seed, **kwargs)
        import numpy

        self.random_state = numpy.random.RandomState(random_seed)


class CalledSearcher(Searcher):
    """A launcher's searcher as one of Skipjack's; it hears of trials that have ended."""

    def __init__(self, searcher):
        self._searcher = searcher
        self._told = set()

    def suggest(self, history, *, resource, remaining_fraction):
        for number in range(history.num_trials):
            if number in self._told:
                continue
            trial = history.trial(number)
            if trial["status"] == "completed" and trial["reports"]:
                self._told.add(number)
                self._searcher.on_trial_complete(number, trial["configuration"], trial["reports"][-1]["metrics"])
        return self._searcher.get_config(trial_id=str(history.num_trials))


class AskTellScheduler:
    """Ask-tell around one of Syne Tune's schedulers by name."""

    def __init__(self, base_scheduler):
        self.bscheduler = base_scheduler
        self.trial_counter = 0
        self.completed_experiments = {}

    def ask(self):
        suggestion = self.bscheduler.suggest(self.trial_counter)
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
