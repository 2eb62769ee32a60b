"""Gaussian-process search without a scheduler, as launchers written for Syne Tune do it: a state with what was
measured, a searcher made from it, batches of configurations from that."""

from dataclasses import dataclass, field
from typing import Any

from ..metrics import Metric
from ..study import AskTell
from .config_space import own_space
from .searchers import MethodSearcher

INTERNAL_METRIC_NAME = "target"


def dictionarize_objective(x):
    return {INTERNAL_METRIC_NAME: x}


@dataclass
class TuningJobState:
    """Configurations with what was measured of them; pending ones have none."""

    hp_ranges: Any
    measured: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)


def create_tuning_job_state(hp_ranges, cand_tuples, metrics, pending_tuples=None, failed_tuples=None):
    """Configurations are dicts, or tuples in the order of names."""

    def configs(given):
        return [one if isinstance(one, dict) else hp_ranges.tuple_to_config(one) for one in given or ()]

    measured = list(zip(configs(cand_tuples), metrics))
    return TuningJobState(hp_ranges, measured, configs(pending_tuples), configs(failed_tuples))


def encode_state(state):
    return {"measured": list(state.measured), "pending": list(state.pending), "failed": list(state.failed)}


def decode_state(enc_state, hp_ranges):
    return TuningJobState(hp_ranges, **enc_state)


class GPFIFOSearcher(MethodSearcher):
    name = "bayesopt"

    def __init__(self, config_space, metric=None, points_to_evaluate=None, **options):
        super().__init__(config_space, metric, points_to_evaluate, **options)
        self._known = {"measured": [], "pending": [], "failed": []}

    def get_state(self):
        return {"state": self._known}

    def clone_from_state(self, state):
        clone = type(self)(
            self.config_space, self._metric, self._given_points, mode=self._mode, random_seed=self.random_seed
        )
        clone._known = state["state"]
        return clone

    def get_batch_configs(self, batch_size, num_init_candidates_for_batch=None, **_):
        """Configurations to measure side by side, each chosen knowing of those before it."""
        known = self._known
        configs = [config for config, _ in known["measured"]] + known["failed"] + known["pending"]
        study = AskTell(
            own_space(self.config_space),
            Metric(INTERNAL_METRIC_NAME, self._mode or "min"),
            seed=self.random_seed or 0,
            points_to_evaluate=configs or self._given_points,
        )
        asked = [study.ask() for _ in configs]
        for trial, (_, values) in zip(asked, known["measured"]):
            value = values[INTERNAL_METRIC_NAME] if isinstance(values, dict) else values
            study.tell(trial, {INTERNAL_METRIC_NAME: float(value)})
        for trial in asked[len(known["measured"]) :][: len(known["failed"])]:
            study.tell_failed(trial)
        return [trial.configuration for trial in study.ask(batch_size)]
