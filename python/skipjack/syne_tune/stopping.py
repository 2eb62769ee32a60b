"""When a tuning ends: Syne Tune's criteria in Skipjack's exact ones. Syne Tune's hold when a number is
exceeded, so max_num_trials_started=6 starts seven."""

from dataclasses import dataclass

from ..tuner import PlateauCriterion
from ..tuner import StoppingCriterion as _OwnCriterion


@dataclass
class StoppingCriterion:
    max_wallclock_time: float | None = None
    max_num_evaluations: int | None = None
    max_num_trials_started: int | None = None
    max_num_trials_completed: int | None = None
    max_cost: float | None = None
    max_num_trials_finished: int | None = None
    min_metric_value: dict[str, float] | None = None
    max_metric_value: dict[str, float] | None = None

    def own(self):
        """As Skipjack has it."""

        def exceeded(number):
            return None if number is None else int(number) + 1

        return _OwnCriterion(
            max_time=self.max_wallclock_time and float(self.max_wallclock_time),
            max_reports=exceeded(self.max_num_evaluations),
            max_trials_started=exceeded(self.max_num_trials_started),
            max_trials_completed=exceeded(self.max_num_trials_completed),
            max_trials_finished=exceeded(self.max_num_trials_finished),
            max_cost=self.max_cost and float(self.max_cost),
            min_metric_value=dict(self.min_metric_value or {}),
            max_metric_value=dict(self.max_metric_value or {}),
        )


@dataclass
class PlateauStopper:
    metric: str
    std: float = 0.001
    num_trials: int = 10
    mode: str = "min"
    patience: int = 0

    def own(self):
        return _OwnCriterion(
            plateau=PlateauCriterion(
                metric=self.metric,
                mode=self.mode,
                num_trials=self.num_trials,
                standard_deviation=self.std,
                patience=self.patience,
            )
        )
