"""Syne Tune's searchers: those that a launcher defines for itself, called by Skipjack's loop, and the library's
own by their class names, each of which stands for a method of Skipjack's table."""

from ..errors import Unsupported
from ..schedulers import Searcher
from .config_space import Domain, own_space
from .custom import require_begun
from .status import Trial


def impute_points_to_evaluate(points_to_evaluate, config_space):
    """Complete and distinct configurations to begin with; the middle of the space where none are given."""
    space = {name: value for name, value in config_space.items() if isinstance(value, Domain)}
    own, found = own_space(space), {}
    for point in [{}] if points_to_evaluate is None else points_to_evaluate:
        complete = own.complete({name: value for name, value in point.items() if name in space})
        found.setdefault(own.key(complete), complete)
    return list(found.values())


def extract_random_seed(**kwargs):
    """(seed, the other arguments)."""
    seed = kwargs.pop("random_seed", None)
    return (31415927 if seed is None else seed), kwargs


class BaseSearcher:
    """Base class of searchers that a launcher defines: by get_config() and _update(), as until Syne Tune 0.14,
    or by suggest() and on_trial_complete()."""

    def __init__(self, config_space, metric=None, points_to_evaluate=None, mode="min", random_seed=None, **options):
        if isinstance(metric, list) and metric and isinstance(metric[0], dict):
            metric, points_to_evaluate = None, metric  # the order of arguments of 0.15
        self.config_space = config_space
        self._metric = metric
        self._mode = mode
        self._given_points = points_to_evaluate
        self._initial = None
        self.points_to_evaluate = list(points_to_evaluate or [])
        self.random_seed = random_seed
        self.options = options

    def configure_scheduler(self, scheduler):
        """Told by the scheduler that it is given to."""
        self._metric = scheduler.metric_names()[0]
        self._mode = scheduler.metric_mode()

    def _next_initial_config(self):
        """The middle of the space is first where nothing is given."""
        if self._initial is None:
            self._initial = impute_points_to_evaluate(self._given_points, self.config_space)
        return self._initial.pop(0) if self._initial else None

    def _next_points_to_evaluate(self):
        return self.points_to_evaluate.pop(0) if self.points_to_evaluate else None

    def get_config(self, **kwargs):
        """A configuration, or None for nothing more."""
        raise NotImplementedError

    def suggest(self, **kwargs):
        return self.get_config(**kwargs)

    def on_trial_result(self, trial_id, config, result, update=False):
        if update:
            self._update(trial_id, config, result)

    def _update(self, trial_id, config, result):
        pass

    def on_trial_complete(self, trial_id, config, metrics):
        pass

    def on_trial_error(self, trial_id):
        pass

    def evaluation_failed(self, trial_id):
        pass

    def register_pending(self, trial_id, config=None, milestone=None):
        pass


class SingleObjectiveBaseSearcher(BaseSearcher):
    """Told of one number a trial."""


class StochasticSearcher(BaseSearcher):
    """One with a generator of its own, random_state."""

    def __init__(self, config_space, metric=None, points_to_evaluate=None, random_seed=None, **kwargs):
        super().__init__(config_space, metric, points_to_evaluate, random_seed=random_seed, **kwargs)
        import numpy

        self.random_state = numpy.random.RandomState(random_seed)


class StochasticAndFilterDuplicatesSearcher(StochasticSearcher):
    """One that implements _get_config() and may draw from _get_random_config()."""

    def __init__(self, *args, allow_duplicates=None, restrict_configurations=None, **kwargs):
        super().__init__(*args, **kwargs)
        from .ranges import make_hyperparameter_ranges

        self.allow_duplicates = bool(allow_duplicates)
        self._allowed = restrict_configurations and list(restrict_configurations)
        self._hp_ranges = make_hyperparameter_ranges(self.config_space)
        self._suggested = set()

    def should_not_suggest(self, config):
        return self._hp_ranges.config_to_match_string(config) in self._suggested

    def _get_random_config(self, exclusion_list=None):
        for _ in range(100):
            if self._allowed is None:
                config = self._hp_ranges.random_config(self.random_state)
            else:
                config = self._allowed[self.random_state.randint(len(self._allowed))]
            if self.allow_duplicates or not self.should_not_suggest(config):
                return config
        return None

    def _get_config(self, **kwargs):
        raise NotImplementedError

    def get_config(self, **kwargs):
        config = self._get_config(**kwargs)
        if config is not None:
            self._suggested.add(self._hp_ranges.config_to_match_string(config))
        return config


class CalledSearcher(Searcher):
    """A launcher's searcher as one of Skipjack's; it hears of trials that have ended. It knows of which it has heard
    already, and so can go on with the experiment that it has begun."""

    is_function_of_events = True

    def __init__(self, searcher, metrics):
        self.called_as = type(searcher).__name__
        self._searcher = searcher
        self._signs = {metric.name: 1 if metric.mode == "min" else -1 for metric in metrics}
        self.begin(None)
        # 0.15 has suggest(), earlier eras get_config().
        self._is_of_last_era = type(searcher).suggest not in (BaseSearcher.suggest, MethodSearcher.suggest)

    def begin(self, experiment):
        """Nothing is known of that experiment yet."""
        self.experiment = experiment
        self._told = set()

    def begin_again(self, experiment):
        """Goes on with an experiment that it has begun."""
        require_begun(self, experiment)

    def suggest(self, history, *, resource, remaining_fraction):
        for number in range(history.num_trials):
            if number in self._told:
                continue
            trial = history.trial(number)
            if trial["status"] == "failed":
                self._told.add(number)
                self.failed(number)
            elif trial["status"] == "completed" and trial["reports"]:
                self._told.add(number)
                self.completed(number, trial["configuration"], trial["reports"][-1]["metrics"])
        return self.next(history.num_trials)

    def next(self, number):
        """A configuration, or None."""
        if self._is_of_last_era:
            return self._searcher.suggest()
        return self._searcher.get_config(trial_id=str(number))

    def completed(self, number, config, result):
        searcher = self._searcher
        if not self._is_of_last_era:
            searcher.on_trial_result(str(number), config, result, update=True)
            return
        values = [sign * result[name] for name, sign in self._signs.items()]  # smaller is better
        is_single = isinstance(searcher, SingleObjectiveBaseSearcher)
        searcher.on_trial_complete(number, config, values[0] if is_single else values)

    def failed(self, number):
        if self._is_of_last_era:
            self._searcher.on_trial_error(number)
        else:
            self._searcher.evaluation_failed(str(number))


class MethodSearcher(SingleObjectiveBaseSearcher):
    """Stands for a method by the name that schedulers have for it; also answers a launcher's own loop."""

    name = "random"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._loop = None

    def is_changed(self):
        """Whether the launcher has a way of its own to propose."""
        kind = type(self)
        return kind.get_config is not MethodSearcher.get_config or kind.suggest is not MethodSearcher.suggest

    def sources(self, metric, mode):
        """Earlier tasks that it begins from."""
        return []

    def _in_own_loop(self):
        if self._loop is None:
            from .schedulers import FIFOScheduler

            asked = self
            if self.is_changed():  # the launcher's way may ask ours, which must not ask the launcher's again
                asked = MethodSearcher(self.config_space, **self.options)
                asked.name, asked.sources = self.name, self.sources
            self._loop = FIFOScheduler(
                self.config_space,
                self._metric or "objective",
                searcher=asked,
                mode=self._mode or "min",
                points_to_evaluate=self._given_points,
                random_seed=self.random_seed,
            )
        return self._loop

    def get_config(self, trial_id=None, **_):
        suggestion = self._in_own_loop().suggest(trial_id)
        return None if suggestion is None else suggestion.config

    def suggest(self, **_):
        return self.get_config()

    def _update(self, trial_id, config, result):
        loop = self._in_own_loop()
        if loop.has_suggested(trial_id):
            loop.on_trial_complete(Trial(trial_id, config), result)

    def on_trial_complete(self, trial_id, config, metric):
        """metric: smaller is better."""
        loop = self._in_own_loop()
        self._update(trial_id, config, {loop.metric: -metric if self._mode == "max" else metric})


def _searcher(class_name, name):
    return type(class_name, (MethodSearcher,), {"name": name, "__doc__": f"Syne Tune's {class_name}."})


RandomSearcher = _searcher("RandomSearcher", "random")
MultiObjectiveRandomSearcher = _searcher("MultiObjectiveRandomSearcher", "random")
GridSearcher = _searcher("GridSearcher", "grid")
KernelDensityEstimator = _searcher("KernelDensityEstimator", "kde")
MultiFidelityKernelDensityEstimator = _searcher("MultiFidelityKernelDensityEstimator", "kde")
Bore = _searcher("Bore", "bore")
MultiFidelityBore = _searcher("MultiFidelityBore", "bore")
SurrogateSearcher = _searcher("SurrogateSearcher", "cqr")
ConformalQuantileRegression = _searcher("ConformalQuantileRegression", "cqr")
BoTorchSearcher = _searcher("BoTorchSearcher", "botorch")
BotorchSearcher = _searcher("BotorchSearcher", "botorch")
RegularizedEvolution = _searcher("RegularizedEvolution", "regularized_evolution")
GPMultiFidelitySearcher = _searcher("GPMultiFidelitySearcher", "bayesopt")
ConstrainedGPFIFOSearcher = _searcher("ConstrainedGPFIFOSearcher", "bayesopt_constrained")
HyperTuneSearcher = _searcher("HyperTuneSearcher", "hypertune")


class LastValueMultiFidelitySearcher(MethodSearcher):
    """Another searcher, on each trial's last value."""

    def __init__(self, config_space, random_seed=None, points_to_evaluate=None, searcher="kde", searcher_kwargs=None,
                 **options):  # fmt: skip
        super().__init__(
            config_space, points_to_evaluate=points_to_evaluate, random_seed=random_seed,
            **{**options, **(searcher_kwargs or {})}
        )  # fmt: skip
        self.name = searcher if isinstance(searcher, str) else searcher.name


_FACTORY = {
    "random": RandomSearcher,
    "random_search": RandomSearcher,
    "grid": GridSearcher,
    "kde": KernelDensityEstimator,
    "bore": Bore,
    "cqr": ConformalQuantileRegression,
    "botorch": BoTorchSearcher,
    "regularized_evolution": RegularizedEvolution,
    "bayesopt": GPMultiFidelitySearcher,
    "bayesopt_constrained": ConstrainedGPFIFOSearcher,
    "hypertune": HyperTuneSearcher,
}


def searcher_cls(searcher_name, is_multi_objective=False):
    if searcher_name not in _FACTORY:
        raise Unsupported(f"there is no searcher '{searcher_name}'", "one of: " + ", ".join(_FACTORY))
    return _FACTORY[searcher_name]


def searcher_factory(searcher_name, config_space=None, is_multi_objective=False, **kwargs):
    """A searcher by its name."""
    for read_by_schedulers in ("scheduler", "scheduler_mode"):
        kwargs.pop(read_by_schedulers, None)
    return searcher_cls(searcher_name)(config_space, **kwargs)
