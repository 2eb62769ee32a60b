"""Earlier tasks, as launchers written for Syne Tune give them, and schedulers that begin from them."""

import inspect
from dataclasses import dataclass
from typing import Any

from .. import _core
from ..sources import SourceExperiment
from .config_space import Domain, from_dict, own_space
from .schedulers import HyperbandScheduler, MethodScheduler
from .searchers import MethodSearcher


@dataclass
class TransferLearningTaskEvaluations:
    """What was measured in an earlier task. hyperparameters: DataFrame with a column a parameter.
    objectives_evaluations: array (evaluations, seeds, fidelities, objectives)."""

    configuration_space: dict[str, Any]
    hyperparameters: Any
    objectives_names: list[str]
    objectives_evaluations: Any

    def __post_init__(self):
        shape = self.objectives_evaluations.shape
        assert len(shape) == 4, "objectives_evaluations must be (evaluations, seeds, fidelities, objectives)"
        assert shape[0] == len(self.hyperparameters), f"{shape[0]} evaluations of {len(self.hyperparameters)}"
        assert shape[3] == len(self.objectives_names), f"{shape[3]} objectives of {len(self.objectives_names)}"
        unknown = [name for name in self.hyperparameters if name not in self.configuration_space]
        assert not unknown, f"{unknown} are not in configuration_space"

    def objective_index(self, objective_name):
        assert objective_name in self.objectives_names, f"no objective {objective_name} in {self.objectives_names}"
        return self.objectives_names.index(objective_name)

    def objective_values(self, objective_name):
        """(evaluations, seeds, fidelities)."""
        return self.objectives_evaluations[..., self.objective_index(objective_name)]

    def single_values(self, objective_name, mode):
        """One value an evaluation: the mean over seeds, at the best fidelity."""
        means = self.objective_values(objective_name).mean(axis=1)
        return means.min(axis=1) if mode == "min" else means.max(axis=1)

    def top_k_hyperparameter_configurations(self, k, mode, objective):
        """The best k configurations, the best first."""
        values = self.single_values(objective, mode)
        order = (values if mode == "min" else -values).argsort(kind="stable")
        return self.hyperparameters.iloc[order[:k]].to_dict("records")


def _mode_of(mode, do_minimize):
    if do_minimize is not None:
        return "min" if do_minimize else "max"
    return mode or "min"


def sources_of(evaluations, metric, mode, config_space):
    """Earlier tasks as Skipjack has them."""
    names = [name for name, value in config_space.items() if isinstance(value, Domain)]
    found = []
    for task, measured in evaluations.items():
        kept = [name for name in names if name in measured.hyperparameters]
        rows = measured.hyperparameters[kept].to_dict("records")
        values = [float(value) for value in measured.single_values(metric, mode)]
        pairs = [(row, value) for row, value in zip(rows, values) if value - value == 0]  # finite
        found.append(SourceExperiment(str(task), pairs, mode))
    return found


class BoundingBox:
    """The scheduler that scheduler_fun makes for the box around the best of earlier tasks."""

    def __new__(
        cls,
        scheduler_fun,
        config_space,
        metric,
        transfer_learning_evaluations,
        mode=None,
        num_hyperparameters_per_task=1,
        do_minimize=None,
        random_seed=None,
    ):
        mode = _mode_of(mode, do_minimize)
        sources = sources_of(transfer_learning_evaluations, metric, mode, config_space)
        box = _core.bounding_box(
            own_space(config_space), [source.to_dict() for source in sources], num_hyperparameters_per_task
        )
        narrowed = {
            name: from_dict(value.to_dict()) if isinstance(value, _core.Domain) else value
            for name, value in box.parameters.items()
        }
        # The last era of Syne Tune calls it with other arguments than those before.
        if "mode" in inspect.signature(scheduler_fun).parameters:
            return scheduler_fun(narrowed, mode, metric)
        return scheduler_fun(narrowed, metric, mode == "min", random_seed)


class _Begins(MethodScheduler):
    """A method that goes by earlier tasks."""

    def __init__(self, config_space, metric, transfer_learning_evaluations, mode=None, resource_attr=None, **given):
        mode = _mode_of(mode, given.pop("do_minimize", None))
        super().__init__(config_space, metric, resource_attr, mode=mode, **given)
        self.sources = sources_of(transfer_learning_evaluations, metric, mode, config_space)


class _BeginningSearcher(MethodSearcher):
    """For FIFOScheduler(searcher=...), or HyperbandScheduler."""

    def __init__(self, config_space, metric, transfer_learning_evaluations, mode=None, do_minimize=None, **options):
        super().__init__(config_space, metric, mode=_mode_of(mode, do_minimize), **options)
        self._evaluations = transfer_learning_evaluations

    def sources(self, metric, mode):
        return sources_of(self._evaluations, metric, mode, self.config_space)


class QuantileBasedSurrogateSearcher(_BeginningSearcher):
    """Thompson sampling on earlier tasks' quantiles."""

    name = "quantile_transfer"


class ZeroShotSearcher(_BeginningSearcher):
    """A portfolio of what was best in earlier tasks."""

    name = "zero_shot"

    def __init__(self, *args, sort_transfer_learning_evaluations=True, use_surrogates=False, **given):
        super().__init__(*args, **given)


class ZeroShotTransfer(_Begins):
    def __init__(
        self, config_space, metric, transfer_learning_evaluations, mode=None,
        sort_transfer_learning_evaluations=True, use_surrogates=False, **given
    ):  # fmt: skip
        given["points_to_evaluate"] = []
        super().__init__(config_space, metric, transfer_learning_evaluations, mode, **given)


class ASHACTS(_Begins):
    def __init__(self, config_space, metric, resource_attr, transfer_learning_evaluations, mode=None, **given):
        super().__init__(config_space, metric, transfer_learning_evaluations, mode, resource_attr, **given)


class RUSHScheduler(HyperbandScheduler):
    """The best of earlier tasks are tried first, and set what others must reach."""

    def __init__(
        self, config_space, transfer_learning_evaluations, metric, type="stopping", points_to_evaluate=None,
        custom_rush_points=None, num_hyperparameters_per_task=1, mode=None, **given
    ):  # fmt: skip
        mode = _mode_of(mode, given.pop("do_minimize", None))
        hurdles = []
        for measured in transfer_learning_evaluations.values():
            hurdles += measured.top_k_hyperparameter_configurations(num_hyperparameters_per_task, mode, metric)
        distinct = []
        for point in [*hurdles, *(custom_rush_points or [])]:
            if point not in distinct:
                distinct.append(point)
        rest = [point for point in points_to_evaluate or [] if point not in distinct]
        super().__init__(
            config_space, metric, type="rush_" + type, mode=mode, points_to_evaluate=distinct + rest,
            rung_system_kwargs={"num_threshold_candidates": max(1, len(distinct))}, **given
        )  # fmt: skip
