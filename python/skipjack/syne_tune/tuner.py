"""Syne Tune's Tuner around Skipjack's."""

import os
import time
from pathlib import Path

from .. import _core, resume
from ..errors import InvalidArgument
from ..tuner import Tuner as OwnTuner
from .callbacks import Caller, StoreResultsCallback
from .config_space import config_space_to_json_dict, own_space
from .constants import ST_TUNER_DILL_FILENAME
from .custom import CalledScheduler
from .schedulers import MethodScheduler
from .searchers import CalledSearcher
from .status import TuningStatus, best_trial, print_best_metric_found
from .util import check_valid_sagemaker_name, experiment_path, log, name_from_base

_EXHAUSTED = "exhausted"


class Tuner:
    """Arguments as in Syne Tune; `backend` is what `trial_backend` was called before 0.2.

    sleep_time has no meaning here: a free worker gets its trial at once.
    """

    def __init__(
        self,
        trial_backend=None,
        scheduler=None,
        stop_criterion=None,
        n_workers=1,
        sleep_time=5.0,
        results_update_interval=10.0,
        print_update_interval=30.0,
        max_failures=1,
        tuner_name=None,
        asynchronous_scheduling=True,
        wait_trial_completion_when_stopping=False,
        callbacks=None,
        metadata=None,
        suffix_tuner_name=True,
        save_tuner=True,
        start_jobs_without_delay=True,
        trial_backend_path=None,
        backend=None,
    ):
        self.trial_backend = trial_backend if trial_backend is not None else backend
        self.scheduler = scheduler
        self.stop_criterion = stop_criterion
        self.n_workers = n_workers
        self.sleep_time = sleep_time
        self.results_update_interval = results_update_interval
        self.print_update_interval = print_update_interval
        self.max_failures = max_failures
        self.save_tuner = save_tuner
        self.wait_trial_completion_when_stopping = wait_trial_completion_when_stopping
        self.callbacks = [StoreResultsCallback()] if callbacks is None else list(callbacks)
        self.name = _experiment_name(tuner_name, suffix_tuner_name, self.trial_backend)
        self.tuner_path = experiment_path(self.name)
        self.trial_backend.set_path(str(self.tuner_path))
        self.metadata = {
            "st_tuner_creation_timestamp": time.time(),
            "entrypoint": self.trial_backend.entrypoint_path().stem,
            "backend": type(self.trial_backend).__name__,
            **scheduler.metadata(),
            **(metadata or {}),
        }
        self._called = None
        self.tuning_status = TuningStatus(scheduler.metric_names())
        if not asynchronous_scheduling:
            log("warning", "asynchronous_scheduling=False is not followed: a free worker gets its trial at once")
        if trial_backend_path is not None:
            log("warning", "trial_backend_path is not followed: trials are below %s", self.tuner_path)

    @property
    def backend(self):
        return self.trial_backend

    def metadata_record(self):
        """What metadata.json holds."""
        import json

        space = json.dumps(config_space_to_json_dict(self.scheduler.config_space), default=str)
        return {**self.metadata, "config_space": space, "st_tuner_start_timestamp": time.time()}

    def link_trial(self, number):
        """TUNER/N, where Syne Tune has a trial's files."""
        link = self.tuner_path / str(number)
        if not os.path.lexists(link):
            os.symlink(os.path.join("trials", str(number)), link)

    def run(self):
        """Runs the tuning; goes on with one of this name that is there already."""
        self.tuner_path.parent.mkdir(parents=True, exist_ok=True)
        caller = Caller(self)
        result = None
        has_begun = self._has_begun()
        method = self._method(has_begun)
        self.scheduler.tuning_status = self.tuning_status
        try:
            result = self._go_on(caller, method) if has_begun else self._start(caller, method)
        finally:
            caller.end()
            self._conclude()
        if result.reason == "max_failures":
            self._raise_failure()
        if _EXHAUSTED in result.reason:
            log("info", "Tuning is finishing as the whole configuration space got exhausted.")

    def _has_begun(self):
        """Whether there is an experiment to go on with: one with the scheduler's search space. Another space
        makes it another experiment."""
        if not (self.tuner_path / "journal.sqlite").exists():
            return False
        kept = _core.read_experiment(str(self.tuner_path.parent), self.name).definition["space"]
        if kept == own_space(self.scheduler.config_space).to_dict():
            return True
        base, number = self.name, 2
        while (self.tuner_path.parent / f"{base}-{number}").exists():
            number += 1
        self.name = f"{base}-{number}"
        log("warning", "the search space of %s has changed: what follows is experiment %s, from 0 on", base, self.name)
        self.tuner_path = experiment_path(self.name)
        self.trial_backend.set_path(str(self.tuner_path))
        self.tuning_status = TuningStatus(self.scheduler.metric_names())
        return False

    def _method(self, has_begun):
        """What runs: a method of Skipjack's, or what calls the launcher's scheduler or searcher."""
        if isinstance(self.scheduler, MethodScheduler):
            method = self.scheduler.own_method()
            if not isinstance(method, CalledSearcher):
                return method
        else:
            if self._called is None or self._called.scheduler is not self.scheduler:
                self._called = CalledScheduler(self.scheduler)
            method = self._called
        if has_begun:
            method.begin_again(self.name)
        else:
            method.begin(self.name)
            name = method.called_as
            log("warning", "what %s knows is saved at the end: a tuning that is killed can't go on", name)
        return method

    def _start(self, caller, method):
        scheduler = self.scheduler
        is_method = isinstance(scheduler, MethodScheduler)
        return OwnTuner(
            self.trial_backend.own(self.n_workers, scheduler.max_resource_attr),
            own_space(scheduler.config_space),
            scheduler.metrics() if is_method else scheduler.metric_names(),
            mode=scheduler.metric_mode(),
            method=method,
            stop=self._stop(),
            workers=self.n_workers,
            seed=scheduler.seed if is_method else 0,
            name=self.name,
            root=self.tuner_path.parent,
            points_to_evaluate=scheduler.points_to_evaluate if is_method else None,
            sources=scheduler.sources if is_method else (),
            max_failures=self.max_failures,
            max_initial_failures=None,
            at_end="wait_for_running" if self.wait_trial_completion_when_stopping else "stop_running",
            callbacks=[caller],
        ).run()

    def _go_on(self, caller, method):
        called = method if isinstance(method, (CalledScheduler, CalledSearcher)) else None
        caller.start()
        return resume(self.name, root=self.tuner_path.parent, stop=self._stop(), method=called, callbacks=[caller])

    def _stop(self):
        criterion = self.stop_criterion
        if criterion is None:
            return None
        if hasattr(criterion, "own"):
            return criterion.own()
        if not callable(criterion):
            raise InvalidArgument(
                f"stop_criterion must be a StoppingCriterion or a function, not {type(criterion).__name__}"
            )

        def function(turn, history):
            self.tuning_status.tick(turn["now"])
            return criterion(self.tuning_status)

        return function

    def _conclude(self):
        if self.save_tuner and self.tuner_path.is_dir():
            self.save()
        print_best_metric_found(self.tuning_status, self.scheduler.metric_names(), self.scheduler.metric_mode())
        if self.trial_backend.delete_checkpoints:
            import shutil

            for number in self.tuning_status.trials:
                shutil.rmtree(self.trial_backend.checkpoint_trial_path(number), ignore_errors=True)

    def _raise_failure(self):
        number = next(n for n, status in self.tuning_status.last_trial_status_seen.items() if status == "Failed")
        for name in ("stdout", "stderr"):
            print(f"{name} of trial {number}:\n" + "".join(getattr(self.trial_backend, name)(number)))
        raise ValueError(f"Trial - {number} failed")

    def best_config(self, metric=0):
        """(trial, configuration) of the best value reported."""
        names = self.scheduler.metric_names()
        index = metric if isinstance(metric, int) else names.index(metric)
        mode = self.scheduler.metric_mode()
        trial, _ = best_trial(self.tuning_status, [names[index]], mode if isinstance(mode, str) else mode[index])
        return (trial, self.tuning_status.trials[trial].config) if trial is not None else (None, None)

    def save(self, folder=None):
        """Writes tuner.dill, from which load() makes a tuner that goes on: what a launcher has set, that
        is; what happened is in the journal. Launchers with what can't be pickled do without."""
        try:
            pickled = _pickler().dumps(self)
        except Exception as error:  # whatever a launcher's objects raise
            log("debug", "the tuner can't be saved: %s", error)
            return
        (Path(folder or self.tuner_path) / ST_TUNER_DILL_FILENAME).write_bytes(pickled)

    @staticmethod
    def load(tuner_path=None):
        import pickle

        return pickle.loads((Path(tuner_path) / ST_TUNER_DILL_FILENAME).read_bytes())


def _pickler():
    try:
        import cloudpickle
    except ImportError:
        import pickle

        return pickle
    return cloudpickle


def _experiment_name(name, is_suffixed, backend):
    if name is None:
        name = backend.entrypoint_path().stem.replace("_", "-")
    else:
        check_valid_sagemaker_name(name)
    return name_from_base(name) if is_suffixed else name
