"""Syne Tune's callbacks, and what calls them: events of Skipjack in Syne Tune's words."""

import io
import json
import os
import time

from .. import _core
from ..tuner import Callback
from .constants import ST_METADATA_FILENAME, ST_RESULTS_DATAFRAME_FILENAME
from .status import Status
from .util import log


class TunerCallback:
    """Base class of callbacks that a launcher defines."""

    def on_tuning_start(self, tuner):
        pass

    def on_tuning_end(self):
        pass

    def on_loop_start(self):
        pass

    def on_loop_end(self):
        pass

    def on_fetch_status_results(self, trial_status_dict, new_results):
        pass

    def on_trial_complete(self, trial, result):
        pass

    def on_trial_result(self, trial, status, result, decision):
        pass

    def on_tuning_sleep(self, sleep_time):
        pass

    def on_start_trial(self, trial):
        pass

    def on_resume_trial(self, trial):
        pass


class ExtraResultsComposer:
    """Columns beyond the usual ones, of a launcher's own."""

    def __call__(self, tuner):
        raise NotImplementedError

    def keys(self):
        return []


class StoreResultsCallback(TunerCallback):
    """Writes results.csv.zip: now and then, and at the end."""

    def __init__(self, add_wallclock_time=True, extra_results_composer=None):
        self.add_wallclock_time = add_wallclock_time
        self._composer = extra_results_composer
        self._extra = []  # one dict a report of the experiment
        self._experiment = None
        self._tuner = None
        self._stored_at = 0.0

    def on_tuning_start(self, tuner):
        if self._experiment != tuner.name:
            self._experiment, self._extra = tuner.name, []
        self._tuner = tuner
        self._stored_at = time.monotonic()

    def on_trial_result(self, trial, status, result, decision):
        if self._composer is not None:
            self._extra.append(self._composer(self._tuner) or {})

    def on_loop_end(self):
        if time.monotonic() - self._stored_at >= self._tuner.results_update_interval:
            self.store_results()

    def on_tuning_end(self):
        self.store_results()

    def columns(self):
        """{column: cells}: the journal's table and the composer's columns."""
        columns = _core.read_experiment(str(self._tuner.tuner_path.parent), self._tuner.name).columns()
        for key in self._composer.keys() if self._composer else ():
            # Rows are reports in order of time, but for those of trials that never reported.
            extra = iter(self._extra)
            columns[key] = [
                next(extra, {}).get(key) if iteration is not None else None
                for iteration in columns.get("st_worker_iter", columns["trial_id"])
            ]
        return columns

    def dataframe(self):
        from ..experiments import import_or_say

        return import_or_say("pandas", "a table as a DataFrame").DataFrame(self.columns())

    def store_results(self):
        if self._tuner is None or not self._tuner.tuner_path.is_dir():
            return
        import csv
        import zipfile

        columns = self.columns()
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
        path = self._tuner.tuner_path / ST_RESULTS_DATAFRAME_FILENAME
        partial = path.with_suffix(".partial")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("results.csv", text.getvalue())
        os.replace(partial, path)
        self._stored_at = time.monotonic()


class TensorboardCallback(TunerCallback):
    """Scalars for TensorBoard below the tuner's folder: what is reported, by trial, and the best of
    target_metric with its configuration. Needs tensorboardX."""

    def __init__(self, ignore_metrics=None, target_metric=None, mode=None, log_hyperparameters=True):
        self._ignored = set(ignore_metrics or ())
        self._target = target_metric
        self._sign = -1 if mode == "max" else 1
        self._log_hyperparameters = log_hyperparameters
        self._experiment = None
        self._writer = None

    def on_tuning_start(self, tuner):
        from ..experiments import import_or_say

        package = import_or_say("tensorboardX", "a log for TensorBoard")
        if self._experiment != tuner.name:
            self._experiment, self._best, self._steps = tuner.name, None, {}
        self._writer = package.SummaryWriter(str(tuner.tuner_path / "tensorboard_output"))

    def on_trial_result(self, trial, status, result, decision):
        step = self._steps[trial.trial_id] = self._steps.get(trial.trial_id, -1) + 1
        for name, value in result.items():
            if name not in self._ignored and isinstance(value, (int, float)):
                self._writer.add_scalar(f"{name}/{trial.trial_id}", value, step)
        if self._target is not None and self._is_best(result[self._target]):
            self._writer.add_scalar(self._target, result[self._target], sum(self._steps.values()))
            if self._log_hyperparameters:
                for name, value in trial.config.items():
                    if isinstance(value, (int, float)):
                        self._writer.add_scalar(f"optimal_{name}", value, sum(self._steps.values()))

    def _is_best(self, value):
        if self._best is not None and self._sign * value >= self._sign * self._best:
            return False
        self._best = value
        return True

    def on_tuning_end(self):
        if self._writer is not None:
            self._writer.close()


class Caller(Callback):
    """Keeps the tuner's status and calls a launcher's callbacks. A report is told once it is known
    what was decided on it, which is the next event, or the end of the turn."""

    def __init__(self, tuner):
        self._tuner = tuner
        self._callbacks = tuner.callbacks
        self._pending = None
        self._started = False
        self._printed_at = time.monotonic()

    def start(self):
        """Once the experiment's folder is there."""
        if self._started:
            return
        self._started = True
        with open(self._tuner.tuner_path / ST_METADATA_FILENAME, "w", encoding="utf-8") as file:
            json.dump(self._tuner.metadata_record(), file, default=str)
        for callback in self._callbacks:
            callback.on_tuning_start(self._tuner)

    def on_event(self, event, history):
        self.start()
        kind = event["type"]
        status = self._tuner.tuning_status
        if kind in ("stop_ordered", "pause_ordered") and self._pending and self._pending["trial"] == event["trial"]:
            self._flush("STOP" if kind == "stop_ordered" else "PAUSE")
        self._flush("CONTINUE")
        status.apply(event)
        if kind == "reported":
            self._pending = event
        elif kind == "trial_started":
            self._tuner.link_trial(event["trial"])
            self._each("on_start_trial", status.trials[event["trial"]])
        elif kind == "trial_resumed":
            self._each("on_resume_trial", status.trials[event["trial"]])
        elif kind == "attempt_ended" and event["outcome"] == "completed":
            trial = event["trial"]
            self._each("on_trial_complete", status.trials[trial], status.trial_metric_statistics[trial].last_metrics)

    def _flush(self, decision):
        event, self._pending = self._pending, None
        if event is None:
            return
        trial = self._tuner.tuning_status.trials[event["trial"]]
        result = {**event["metrics"], "st_tuner_time": event["time"]}
        self._each("on_fetch_status_results", self._statuses(), [(event["trial"], result)])
        self._each("on_trial_result", trial, Status.in_progress, result, decision)

    def _statuses(self):
        status = self._tuner.tuning_status
        return {number: (trial, status.last_trial_status_seen[number]) for number, trial in status.trials.items()}

    def _each(self, hook, *arguments):
        for callback in self._callbacks:
            getattr(callback, hook)(*arguments)

    def on_turn(self, turn, history):
        self._flush("CONTINUE")
        self._tuner.tuning_status.tick(turn["now"])
        if not self._started:
            return
        self._each("on_loop_start")
        self._each("on_loop_end")
        if time.monotonic() - self._printed_at >= self._tuner.print_update_interval:
            self._printed_at = time.monotonic()
            log("info", "tuning status (last metric is reported)\n%s", self._tuner.tuning_status)

    def end(self):
        self._flush("CONTINUE")
        if self._started:
            self._each("on_tuning_end")
