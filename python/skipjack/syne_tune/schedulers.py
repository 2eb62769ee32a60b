"""Syne Tune's schedulers: names for methods of Skipjack's table.

What a class is given goes to the method where the method has an option of that name; what is left out is said.
"""

import os
from types import SimpleNamespace

from .. import methods
from ..errors import Unsupported
from ..metrics import Metric
from .config_space import own_space
from .custom import SchedulerDecision, TrialScheduler, TrialSuggestion
from .searchers import BaseSearcher, CalledSearcher, MethodSearcher
from .util import log

# Wrappers of other packages, which Skipjack does not load.
_INSTEAD = {"BoTorch": "BayesianOptimization", "BOTorch": "BayesianOptimization", "SMAC": "BayesianOptimization"}
_FIFO_SEARCHERS = {
    "random": "RandomSearch",
    "random_search": "RandomSearch",
    "grid": "GridSearch",
    "bayesopt": "BayesianOptimization",
    "bayesopt_constrained": "ConstrainedBayesianOptimization",
    "bayesopt_cost": "CostAwareBayesianOptimization",
    "kde": "KDE",
    "bore": "BORE",
    "cqr": "CQR",
    "botorch": "BoTorch",
    "regularized_evolution": "REA",
    "quantile_transfer": "QuantileBasedSurrogateSearcher",
    "zero_shot": "ZeroShotTransfer",
}
_HYPERBAND_SEARCHERS = {
    "random": "ASHA",
    "random_search": "ASHA",
    "grid": "ASHA",
    "bayesopt": "MOBSTER",
    "kde": "BOHB",
    "bore": "ASHABORE",
    "cqr": "ASHACQR",
    "hypertune": "HyperTune",
    "dyhpo": "DyHPO",
    "quantile_transfer": "ASHACTS",
}
# Read here, or about the inside of Syne Tune's own code: nothing to tell of.
_READ_ELSEWHERE = {
    "config_space", "mode", "do_minimize", "random_seed", "search_options", "searcher", "searcher_kwargs",
    "rung_system_kwargs",
    "points_to_evaluate", "metrics", "max_resource_attr", "constraint_attr", "cost_attr", "debug_log",
    "opt_skip_init_length", "opt_skip_period", "opt_maxiter", "opt_nstarts", "opt_warmstart", "opt_verbose",
    "opt_debug_writer", "num_init_candidates", "num_fantasy_samples", "initial_scoring", "no_fantasizing",
    "gp_base_kernel", "max_size_data_for_model", "time_keeper", "resource_attr", "time_attr", "max_t", "type",
    "scheduler", "scheduler_options",
}  # fmt: skip
# Syne Tune's own instead of the method's: of bayesopt alone, where short tunings are better for it. Other methods keep
# theirs.
_DEFAULTS = {"bayesopt": {"num_init_random": 3}}


def _any_seed():
    return int.from_bytes(os.urandom(4), "little") >> 1


def _find_method(name):
    """The class of the method by which a name is answered."""
    found = methods.find(_INSTEAD.get(name, name))
    if found is None:
        raise Unsupported(f"Skipjack has no method for Syne Tune's {name}", "one of: " + ", ".join(methods.names()))
    if name in _INSTEAD:
        log("warning", "Skipjack does not run %s: its own %s takes its place", name, found.name)
    return found


def _name_by_searcher(searcher, names, given):
    """Syne Tune's name of the method with that searcher; what the searcher was given goes to given. None for
    one of the launcher's own."""
    if isinstance(searcher, MethodSearcher) and not searcher.is_changed():
        given.update({key: value for key, value in searcher.options.items() if given.get(key) is None})
        if given.get("points_to_evaluate") is None:
            given["points_to_evaluate"] = searcher._given_points
        searcher = searcher.name
    if isinstance(searcher, BaseSearcher):
        return None
    if searcher not in names:
        raise Unsupported(f"there is no searcher '{searcher}'", "one of: " + ", ".join(names))
    return names[searcher]


def _largest_resource(config_space, max_resource_attr):
    for name in (max_resource_attr, "epochs", "max_t", "max_epochs"):
        value = config_space.get(name) if name else None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


class MethodScheduler(TrialScheduler):
    """A method of Skipjack's under a name of Syne Tune's. Also answers suggest() and on_trial_*(), for
    launchers that run their own loop."""

    syne_tune_name = None

    def __init__(self, config_space, metric=None, resource_attr=None, **given):
        name = self.syne_tune_name or type(self).__name__
        if isinstance(metric, (list, tuple)):
            given.setdefault("metrics", list(metric))
            metric = None
        super().__init__(config_space, given.get("random_seed"))
        if "do_minimize" in given:
            given.setdefault("mode", "min" if given["do_minimize"] else "max")
        self.mode = given.get("mode") or "min"
        self._names = list(given.get("metrics") or [metric or "_objective"])
        self.metric = self._names[0]
        self.max_resource_attr = given.get("max_resource_attr")
        self.resource_attr = resource_attr or given.get("time_attr")
        self.constraint_attr = given.get("constraint_attr")
        self.cost_attr = given.get("cost_attr")
        self.seed = self.random_seed if self.random_seed is not None else _any_seed()
        self.max_t = given.get("max_t") or _largest_resource(config_space, self.max_resource_attr)
        nested = [given.get(group) or {} for group in ("search_options", "searcher_kwargs", "rung_system_kwargs")]
        given = {key: value for group in (given, *nested) for key, value in group.items()}
        self.points_to_evaluate = given.get("points_to_evaluate")
        self.method = self._choose(name, given)
        self.sources = []
        self.tuning_status = None  # while a Tuner has it
        self._set_searcher(given.get("searcher"))
        self._told = []
        self._study = None

    def _set_searcher(self, searcher):
        """searcher: an object that the launcher gave, or a name."""
        self._called = None
        if not isinstance(searcher, BaseSearcher):
            self.searcher = MethodSearcher(self.config_space, self.metric, mode=self.mode)
            return
        self.searcher = searcher
        if isinstance(searcher, MethodSearcher) and not searcher.is_changed():
            self.sources = searcher.sources(self.metric, self.mode)
        else:
            searcher.configure_scheduler(self)
            self._called = CalledSearcher(searcher, self.metrics())
            self.points_to_evaluate = []  # it has its own

    def _choose(self, name, given):
        found = _find_method(name)
        given = {**given, "resource_attr": self.resource_attr, "max_t": self.max_t}
        options, left_out = dict(_DEFAULTS.get(found.name, {})), []
        for key, value in given.items():
            if value is None:
                continue
            if key in found.option_names:
                options[key] = value
            elif key not in _READ_ELSEWHERE:
                left_out.append(key)
        if left_out:
            log("warning", "method %s of Skipjack has no %s; left out", found.name, ", ".join(left_out))
        return found(**options)

    def metrics(self):
        """As Skipjack has them."""
        modes = [self.mode] * len(self._names) if isinstance(self.mode, str) else list(self.mode)
        metrics = [Metric(name, mode) for name, mode in zip(self._names, modes)]
        if self.constraint_attr:
            metrics.append(Metric(self.constraint_attr, role="constraint", bound=0.0))
        if self.cost_attr and self.cost_attr not in self._names:
            metrics.append(Metric(self.cost_attr, role="cost"))
        return metrics

    def own_method(self):
        """For skipjack.Tuner."""
        return self.method if self._called is None else self._called

    def metric_names(self):
        return list(self._names)

    def metric_mode(self):
        return self.mode

    # In a loop of the launcher's own.

    def _asked(self):
        from ..study import AskTell

        if self._study is None:
            self._study = AskTell(
                own_space(self.config_space),
                self.metrics(),
                method=self.method,
                seed=self.seed,
                points_to_evaluate=self.points_to_evaluate,
                sources=self.sources,
            )
            self._ids = {}
            self._closed = set()  # trials that were told to stop or to pause; launchers go on telling of them
        return self._study

    def has_suggested(self, trial_id):
        """Whether a launcher's own loop got that trial from here."""
        return self._study is not None and trial_id in self._ids

    def suggest(self, trial_id=None):
        from ..errors import Exhausted

        if self._called is not None:
            config = self._called.next(trial_id)
            return None if config is None else TrialSuggestion.start_suggestion(self._postprocess_config(config))
        study = self._asked()
        trial_id = len(self._ids) if trial_id is None else trial_id
        try:
            asked = study.ask()
        except Exhausted:
            return None
        self._told.append(("suggest", trial_id, None))
        for its_id, id_here in self._ids.items():
            if id_here == asked.id:  # it was paused
                self._closed.discard(its_id)
                return TrialSuggestion.resume_suggestion(its_id, asked.configuration)
        self._ids[trial_id] = asked.id
        return TrialSuggestion.start_suggestion(asked.configuration)

    def on_trial_result(self, trial, result):
        if self._called is not None:
            return SchedulerDecision.CONTINUE
        study, number = self._asked(), self._ids[trial.trial_id]
        if trial.trial_id in self._closed:
            return SchedulerDecision.STOP
        self._told.append(("on_trial_result", trial, result))
        if study.report(number, _numbers(result)):
            return SchedulerDecision.CONTINUE
        self._closed.add(trial.trial_id)
        is_paused = study.history().trial(number)["status"] == "paused"
        return SchedulerDecision.PAUSE if is_paused else SchedulerDecision.STOP

    def on_trial_complete(self, trial, result):
        if self._called is not None:
            self._called.completed(trial.trial_id, trial.config, result)
            return
        study = self._asked()
        if trial.trial_id in self._closed:
            return
        study.tell(self._ids[trial.trial_id], _numbers(result))
        self._told.append(("on_trial_complete", trial, result))

    def on_trial_error(self, trial):
        if self._called is not None:
            self._called.failed(trial.trial_id)
            return
        study = self._asked()
        if trial.trial_id in self._closed:
            return
        study.tell_failed(self._ids[trial.trial_id])
        self._told.append(("on_trial_error", trial, None))

    def __getstate__(self):
        return {**self.__dict__, "_study": None}

    def __setstate__(self, state):
        """The same calls again: the same seed gives the same answers."""
        calls = state["_told"]
        self.__dict__.update({**state, "_told": []})
        for name, about, result in calls:
            getattr(self, name)(about, *([] if result is None else [result]))


def _numbers(result):
    return {
        name: value
        for name, value in result.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) or hasattr(value, "dtype")
    }


class FIFOScheduler(MethodScheduler):
    def __init__(self, config_space, metric=None, searcher="random", **given):
        several = isinstance(given.get("metrics") or metric, (list, tuple))
        self.syne_tune_name = _name_by_searcher(searcher, _FIFO_SEARCHERS, given) or "RandomSearch"
        if several and len(given.get("metrics") or metric) > 1 and self.syne_tune_name == "REA":
            self.syne_tune_name = "MOREA"
        super().__init__(config_space, metric, searcher=searcher, **given)


class SingleObjectiveScheduler(FIFOScheduler):
    """As FIFOScheduler, from Syne Tune 0.14 on."""

    def __init__(self, config_space, metric, do_minimize=True, searcher="random_search", **given):
        super().__init__(config_space, metric, searcher, do_minimize=do_minimize, **given)


class SingleFidelityScheduler(FIFOScheduler):
    """As FIFOScheduler, from Syne Tune 0.14 on, for any number of metrics."""

    def __init__(self, config_space, metrics, do_minimize=True, searcher="random_search", **given):
        super().__init__(config_space, None, searcher, metrics=metrics, do_minimize=do_minimize, **given)


class HyperbandScheduler(MethodScheduler):
    def __init__(self, config_space, metric=None, searcher="random", type="stopping", **given):
        name = _name_by_searcher(searcher, _HYPERBAND_SEARCHERS, given)
        if name is None:
            raise Unsupported(
                "HyperbandScheduler with a searcher of the launcher's own is not answered by Skipjack",
                "give it to FIFOScheduler, or name one of: " + ", ".join(_HYPERBAND_SEARCHERS),
            )
        if type == "pasha":
            name = "PASHA"
        elif type == "cost_promotion":
            name = "CostASHA"
        elif type.startswith("rush"):
            name = "RUSH"
        elif type == "dyhpo":
            name = "DyHPO"
        self.syne_tune_name = name
        variant = type.removeprefix("rush_")
        if variant in ("stopping", "promotion"):
            given["type"] = variant
        if name in ("ASHA", "PASHA", "RUSH", "CostASHA"):
            proposes = getattr(searcher, "name", searcher)
            if proposes not in ("random", "random_search", "grid"):
                log("warning", "%s of Skipjack has no searcher '%s': it proposes at random", name, proposes)
            searcher = "grid" if proposes == "grid" else "random"
        super().__init__(config_space, metric, given.pop("resource_attr", None), searcher=searcher, **given)


class AsynchronousSuccessiveHalving(HyperbandScheduler):
    """As HyperbandScheduler, from Syne Tune 0.14 on."""

    def __init__(self, config_space, metric, do_minimize=True, searcher="random_search",
                 time_attr="training_iteration", max_t=100, **given):  # fmt: skip
        super().__init__(
            config_space, metric, searcher, do_minimize=do_minimize, time_attr=time_attr, max_t=max_t, **given
        )


class LinearScalarizedScheduler(MethodScheduler):
    syne_tune_name = "MOLinearScalarizationBayesOpt"

    def __init__(self, config_space, metric, scalarization_weights=None, base_scheduler_factory=None, **given):
        if scalarization_weights is not None:
            given["weights"] = dict(zip(metric, map(float, scalarization_weights)))
        super().__init__(config_space, metric, **given)


MOLinearScalarizationBayesOpt = type("MOLinearScalarizationBayesOpt", (LinearScalarizedScheduler,), {})


class MOASHA(MethodScheduler):
    def __init__(self, config_space, metrics=None, mode="min", time_attr="training_iteration", **given):
        super().__init__(config_space, metrics, time_attr, mode=mode, **given)


class PopulationBasedTraining(MethodScheduler):
    def __init__(self, config_space, custom_explore_fn=None, **given):
        if custom_explore_fn is not None:
            raise Unsupported("custom_explore_fn of PopulationBasedTraining is not called", "leave it out")
        super().__init__(config_space, given.pop("metric", None), given.pop("resource_attr", None), **given)


class MedianStoppingRule(MethodScheduler):
    """Around another scheduler, whose trials it stops where the method is there."""

    def __init__(self, scheduler, resource_attr=None, **given):
        inner = scheduler.method
        super().__init__(
            scheduler.config_space,
            scheduler.metric_names(),
            resource_attr,
            mode=scheduler.metric_mode(),
            random_seed=scheduler.seed,
            points_to_evaluate=scheduler.points_to_evaluate,
            max_resource_attr=scheduler.max_resource_attr,
            scheduler=inner.name,
            scheduler_options=inner.options or None,
            **given,
        )


class ConstrainedBayesianOptimization(MethodScheduler):
    def __init__(self, config_space, metric, constraint_attr, **given):
        super().__init__(config_space, metric, constraint_attr=constraint_attr, **given)


class REA(MethodScheduler):
    def __init__(self, config_space, metric, population_size=None, sample_size=None, **given):
        super().__init__(config_space, metric, population_size=population_size, sample_size=sample_size, **given)


class SyncHyperband(MethodScheduler):
    pass


class DEHB(MethodScheduler):
    pass


class DyHPORungSystem:
    """Counts of what DyHPO decided."""

    def __init__(self, scheduler):
        self._scheduler = scheduler

    @staticmethod
    def summary_schedule_keys():
        return ["promoted_by_sh", "promoted_by_dyhpo", "started_by_dyhpo"]

    def summary_schedule_records(self):
        """Promotions by rank and by model are not kept apart here: None."""
        status = self._scheduler.tuning_status
        started = status.num_trials_started if status is not None else 0
        return {"promoted_by_sh": None, "promoted_by_dyhpo": None, "started_by_dyhpo": started}


class DyHPO(MethodScheduler):
    @property
    def terminator(self):
        """What launchers take DyHPO's counts from."""
        return SimpleNamespace(_rung_systems=[DyHPORungSystem(self)])


def _baseline(name):
    return type(name, (MethodScheduler,), {"__doc__": f"Syne Tune's {name}."})


RandomSearch = _baseline("RandomSearch")
GridSearch = _baseline("GridSearch")
BayesianOptimization = _baseline("BayesianOptimization")
ASHA = _baseline("ASHA")
MOBSTER = _baseline("MOBSTER")
HyperTune = _baseline("HyperTune")
PASHA = _baseline("PASHA")
BOHB = _baseline("BOHB")
SyncBOHB = _baseline("SyncBOHB")
SyncMOBSTER = _baseline("SyncMOBSTER")
BORE = _baseline("BORE")
ASHABORE = _baseline("ASHABORE")
BoTorch = _baseline("BoTorch")
BOTorch = _baseline("BOTorch")
MORandomScalarizationBayesOpt = _baseline("MORandomScalarizationBayesOpt")
NSGA2 = _baseline("NSGA2")
MOREA = _baseline("MOREA")
KDE = _baseline("KDE")
TPE = _baseline("TPE")
CQR = _baseline("CQR")
ASHACQR = _baseline("ASHACQR")
EHVI = _baseline("EHVI")
SMAC = _baseline("SMAC")

baselines_dict = {
    "Random Search": RandomSearch,
    "Grid Search": GridSearch,
    "Bayesian Optimization": BayesianOptimization,
    "ASHA": ASHA,
    "MOBSTER": MOBSTER,
    "PASHA": PASHA,
    "MOASHA": MOASHA,
    "PBT": PopulationBasedTraining,
    "BORE": BORE,
    "REA": REA,
    "SyncHyperband": SyncHyperband,
    "SyncBOHB": SyncBOHB,
    "DEHB": DEHB,
    "SyncMOBSTER": SyncMOBSTER,
    "ConstrainedBayesianOptimization": ConstrainedBayesianOptimization,
    "CQR": CQR,
    "ASHACQR": ASHACQR,
}
