"""Searchers of Syne Tune: by name, of a launcher's own in both eras, with surrogates and earlier tasks of its own."""

from types import SimpleNamespace

import pytest
from skipjack import methods
from skipjack.errors import Unsupported
from skipjack.syne_tune import config_space as cs
from skipjack.syne_tune import names, schedulers, searchers
from skipjack.syne_tune.custom import CalledScheduler, TrialScheduler, TrialSuggestion
from skipjack.syne_tune.status import Trial

SPACE = {"x": cs.uniform(0, 1), "k": cs.randint(1, 9), "epochs": 9}


def answered(module, name):
    """What an import of that name gets."""
    return names._getattr_of(module)[0](name)


# Syne Tune 0.13's baselines and the rows of the method table that they are.
BASELINES = {
    "RandomSearch": "random", "GridSearch": "grid", "BayesianOptimization": "bayesopt", "ASHA": "asha",
    "MOBSTER": "mobster", "HyperTune": "hypertune", "DyHPO": "dyhpo", "PASHA": "pasha", "BOHB": "bohb",
    "SyncHyperband": "sync_hyperband", "SyncBOHB": "sync_bohb", "SyncMOBSTER": "sync_mobster", "DEHB": "dehb",
    "BORE": "bore", "ASHABORE": "ashabore", "REA": "rea", "KDE": "tpe", "TPE": "tpe", "CQR": "cqr",
    "ASHACQR": "ashacqr",
}  # fmt: skip


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_the_methods_of_their_name(name, caplog):
    scheduler = getattr(schedulers, name)(SPACE, metric="loss", resource_attr="epoch", max_resource_attr="epochs")
    assert scheduler.method.name == BASELINES[name]
    assert not caplog.records


def test_several_objectives_have_methods_of_their_own(caplog):
    for name, method in {"NSGA2": "nsga2", "MOREA": "mo_rea", "EHVI": "mo_bayesopt", "MOASHA": "moasha",
                         "MORandomScalarizationBayesOpt": "random_scalarization",
                         "MOLinearScalarizationBayesOpt": "linear_scalarization"}.items():  # fmt: skip
        assert getattr(schedulers, name)(SPACE, ["a", "b"], mode=["min", "min"]).method.name == method
    assert not caplog.records


@pytest.mark.parametrize(
    "searcher, method",
    [("bayesopt", "mobster"), ("kde", "bohb"), ("bore", "ashabore"), ("cqr", "ashacqr"), ("hypertune", "hypertune"),
     ("dyhpo", "dyhpo"), ("random_search", "asha")],
)  # fmt: skip
def test_hyperband_runs_the_searcher_it_is_given(searcher, method, caplog):
    given = {"metric": "loss", "resource_attr": "epoch", "max_resource_attr": "epochs"}
    assert schedulers.HyperbandScheduler(SPACE, searcher=searcher, **given).method.name == method
    assert not caplog.records
    # From 0.14 on, by the searcher itself.
    if searcher in ("kde", "bore", "cqr"):
        last = searchers.LastValueMultiFidelitySearcher(SPACE, searcher=searcher)
        made = schedulers.AsynchronousSuccessiveHalving(SPACE, "loss", searcher=last, time_attr="epoch", max_t=9)
        assert (made.method.name, made.method.options["max_t"]) == (method, 9)


@pytest.mark.parametrize(
    "epochs, configuration, resource", [(9, {"x": 0.5}, 2), (cs.randint(1, 9), {"x": 0.5, "epochs": 2}, None)]
)
def test_a_scheduler_says_how_far_where_that_is_a_constant(epochs, configuration, resource):
    class Own(TrialScheduler):
        max_resource_attr = "epochs"

        def _suggest(self, trial_id):
            return TrialSuggestion.start_suggestion({"x": 0.5, "epochs": 2})

        def on_trial_complete(self, trial, result):
            self.seen = trial.config["epochs"]

    own = Own({"x": cs.uniform(0, 1), "epochs": epochs})
    called = CalledScheduler(own)
    (start,) = called.decide(SimpleNamespace(num_trials=0, running=[]), free_workers=1)
    assert (start.configuration, start.max_resource) == (configuration, resource)
    full = {"epochs": epochs, **configuration}
    called.apply({"number": 0, "type": "trial_started", "trial": 0, "unix_time": 0.0, "configuration": full,
                  "max_resource": resource}, None)  # fmt: skip
    called.apply({"number": 1, "type": "attempt_ended", "trial": 0, "outcome": "completed"}, None)
    assert own.seen == 2
    if resource:
        called.apply({"number": 2, "type": "trial_resumed", "trial": 0, "max_resource": 4}, None)
        called.apply({"number": 3, "type": "attempt_ended", "trial": 0, "outcome": "completed"}, None)
        assert own.seen == 4


def test_wrappers_of_other_packages_say_what_runs_instead(caplog):
    assert schedulers.BoTorch(SPACE, metric="loss").method.name == "bayesopt"
    assert "does not run BoTorch" in caplog.text
    with pytest.raises(Unsupported, match="no searcher 'bayesopt_cost'"):
        schedulers.HyperbandScheduler(SPACE, searcher="bayesopt_cost", metric="loss", resource_attr="epoch")


def test_names_of_0_14_are_those_of_0_13():
    below = "syne_tune.optimizer"
    assert answered(f"{below}.legacy_baselines", "MOBSTER") is schedulers.MOBSTER
    assert answered(f"{below}.schedulers", "LegacyFIFOScheduler") is schedulers.FIFOScheduler
    assert answered(f"{below}.schedulers.searchers.legacy_random_grid_searcher", "GridSearcher")
    with pytest.raises(ImportError, match="LegacyOracle"):
        answered(f"{below}.schedulers", "LegacyOracle")


def test_a_searcher_by_itself_asks_and_is_told():
    searcher = searchers.RegularizedEvolution(SPACE, points_to_evaluate=[{"x": 0.25}], population_size=12)
    for number in range(6):
        config = searcher.suggest()
        assert 0 <= config["x"] <= 1
        searcher.on_trial_complete(number, config, config["x"])
    first = searchers.RandomSearcher(SPACE, metric="loss", random_seed=1)
    config = first.get_config(trial_id="0")
    assert config["x"] == 0.5  # the middle comes first
    first.on_trial_result("0", config, {"loss": 1.0}, update=True)


@pytest.mark.parametrize("of_our_own", [True, False])
def test_a_searcher_of_ours_may_be_changed(of_our_own):
    class Changed(searchers.RandomSearcher):
        def get_config(self, **kwargs):
            return super().get_config(**kwargs) if of_our_own else {"x": 0.25, "k": 2}

    scheduler = schedulers.FIFOScheduler(SPACE, metric="loss", mode="max", searcher=Changed(SPACE, metric="loss"))
    for number in range(3):
        config = scheduler.suggest(number).config
        assert config["epochs"] == 9 and (of_our_own or config["x"] == 0.25)
        scheduler.on_trial_complete(Trial(number, config), {"loss": config["x"]})


def test_what_a_searcher_or_a_range_is_not_is_said(caplog):
    with pytest.raises(Unsupported, match="no searcher 'oracle'"):
        searchers.searcher_factory("oracle", SPACE)
    assert searchers.searcher_factory("bayesopt", SPACE).name == "bayesopt"
    given = {"metric": "loss", "resource_attr": "epoch", "max_resource_attr": "epochs"}
    grid = searchers.GridSearcher(SPACE)
    assert schedulers.HyperbandScheduler(SPACE, searcher=grid, **given).method.options["searcher"] == "grid"
    assert not caplog.records
    schedulers.HyperbandScheduler(SPACE, searcher="bayesopt", type="pasha", **given)
    assert "no searcher 'bayesopt': it proposes at random" in caplog.text
    assert cs.restrict_domain(cs.finrange(0, 1, 5), 0.3, 1).values == [0.25, 0.5, 0.75, 1]
    flag = cs.choice([True, False])
    assert cs.streamline_config_space({"flag": flag}) == {"flag": flag}


REPORTS_X = "import sys\nfrom syne_tune import Reporter\nReporter()(loss=float(sys.argv[2]))\n"

OF_BOTH_ERAS = """
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.schedulers import FIFOScheduler
    from syne_tune.optimizer.schedulers.searchers import BaseSearcher, StochasticAndFilterDuplicatesSearcher
    from syne_tune.optimizer.schedulers.searchers.single_objective_searcher import SingleObjectiveBaseSearcher
    from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler
    class Earlier(StochasticAndFilterDuplicatesSearcher):
        told = []
        def _get_config(self, **kwargs):
            assert kwargs["trial_id"] == str(len(self._suggested))
            initial = self._next_initial_config()
            return initial if initial is not None else self._get_random_config()
        def _update(self, trial_id, config, result):
            self.told.append((trial_id, round(result["loss"], 9)))
    class Last(SingleObjectiveBaseSearcher):
        told = []
        def suggest(self):
            point = self._next_points_to_evaluate()
            return point if point is not None else {"x": 0.75}
        def on_trial_complete(self, trial_id, config, metric):
            self.told.append((trial_id, round(metric, 9)))
    space = {"x": uniform(0, 1)}
    earlier = FIFOScheduler(space, metric="loss", searcher=Earlier(space, metric="loss", random_seed=1))
    last = SingleObjectiveScheduler(space, metric="loss", do_minimize=False,
                                    searcher=Last(space, points_to_evaluate=[{"x": 0.25}]))
    for scheduler in (earlier, last):
        Tuner(LocalBackend("trial.py"), scheduler, StoppingCriterion(max_num_trials_started=2), n_workers=1).run()
    print("told", Earlier.told[:1], Last.told[:2])
    """


def test_searchers_of_the_launchers_own_are_called_as_in_their_era(launch):
    done = launch(OF_BOTH_ERAS, REPORTS_X)
    # The middle first; where more is better, the searcher is told what is to be made small.
    assert "told [('0', 0.5)] [(0, -0.25), (1, -0.75)]" in done.stdout


def test_another_space_begins_anew_with_what_the_launcher_calls(launch):
    done = launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.scheduler import TrialScheduler, TrialSuggestion
        from syne_tune.optimizer.schedulers import FIFOScheduler
        from syne_tune.optimizer.schedulers.searchers import StochasticSearcher
        class Own(TrialScheduler):
            added = 0
            def suggest(self, trial_id):
                return TrialSuggestion.start_suggestion({"x": 0.55}) if trial_id < 2 else None
            def on_trial_add(self, trial):
                self.added += 1
            def metric_names(self):
                return ["loss"]
        class Drawn(StochasticSearcher):
            heard = []
            def get_config(self, **kwargs):
                return {"x": 0.5 + 0.1 * self.random_state.uniform()}
            def _update(self, trial_id, config, result):
                self.heard.append(trial_id)
        def tuner(name, scheduler):
            stop = StoppingCriterion(max_num_trials_started=1)
            return Tuner(LocalBackend("trial.py"), scheduler, stop, n_workers=1, tuner_name=name,
                         suffix_tuner_name=False)
        def drawn(space):
            return FIFOScheduler(space, metric="loss", searcher=Drawn(space, metric="loss", random_seed=1))
        space, narrow = {"x": uniform(0, 1)}, {"x": uniform(0.5, 0.6)}
        own = Own(space)
        first, second = tuner("own", own), tuner("drawn", drawn(space))
        for one in (first, second):
            one.run()
            one.scheduler.config_space = narrow
            one.run()
            print("then", one.name, one.tuning_status.num_trials_started)
        print("added", own.added, "heard", Drawn.heard)
        first.scheduler, second.scheduler = Own(narrow), drawn(narrow)
        for unknowing in (first, second, tuner("drawn", drawn(space))):
            try:
                unknowing.run()
            except Exception as error:
                print(error)
        """,
        REPORTS_X,
    )
    assert "then own-2 2" in done.stdout and "then drawn-2 2" in done.stdout
    assert "added 4 heard ['0', '0']" in done.stdout
    # One that was not there would draw the same again.
    for name, called in (("own-2", "Own"), ("drawn-2", "Drawn"), ("drawn", "Drawn")):
        assert f"experiment '{name}' can't go on: what {called} knew of it is not kept" in done.stdout
    assert "what Drawn knows is saved at the end" in done.stderr


def test_hyperband_with_a_searcher_of_the_launchers_own_is_refused():
    with pytest.raises(Unsupported, match="of the launcher's own"):
        schedulers.HyperbandScheduler(SPACE, searcher=searchers.BaseSearcher(SPACE), metric="loss")


def test_a_surrogate_of_the_launchers_own_finds_the_best():
    numpy = pytest.importorskip("numpy")
    from skipjack.syne_tune.surrogate import SKLearnEstimator, SKLearnPredictor, SKLearnSurrogateSearcher

    class Parabola(SKLearnEstimator):
        def fit(self, X, y, update_params):
            features = numpy.hstack([X, X**2, numpy.ones((len(X), 1))])
            weights = numpy.linalg.lstsq(features, y, rcond=None)[0]

            class Fitted(SKLearnPredictor):
                def predict(self, X):
                    mean = numpy.hstack([X, X**2, numpy.ones((len(X), 1))]) @ weights
                    return mean, numpy.full(len(X), 0.01)

            return Fitted()

    space = {"x": cs.uniform(0, 1), "y": cs.uniform(-1, 1)}
    searcher = SKLearnSurrogateSearcher(space, "score", Parabola(), random_seed=3)
    scheduler = schedulers.FIFOScheduler(space, metric="score", mode="max", searcher=searcher)
    best = -1.0
    for number in range(16):
        config = scheduler.suggest(number).config
        score = -((config["x"] - 0.2) ** 2) - (config["y"] - 0.4) ** 2
        best = max(best, score)
        scheduler.on_trial_complete(Trial(number, config), {"score": score})
    assert best > -0.005
    with pytest.raises(Unsupported, match="scoring_class"):
        SKLearnSurrogateSearcher(space, "score", Parabola(), scoring_class=int)


def test_a_state_of_ones_own_gives_a_batch(launch):
    pytest.importorskip("numpy")
    done = launch(
        """
        from syne_tune.config_space import choice, randint, uniform
        from syne_tune.optimizer.schedulers.searchers.bayesopt.datatypes.common import dictionarize_objective
        from syne_tune.optimizer.schedulers.searchers.bayesopt.utils.test_objects import create_tuning_job_state
        from syne_tune.optimizer.schedulers.searchers.gp_fifo_searcher import GPFIFOSearcher
        from syne_tune.optimizer.schedulers.searchers.gp_searcher_utils import encode_state
        from syne_tune.optimizer.schedulers.searchers.utils.hp_ranges_factory import make_hyperparameter_ranges
        ranges = make_hyperparameter_ranges({"b": randint(-5, 5), "a": uniform(-5, 5), "c": choice(["u", "v", "w"])})
        config = {"a": -3.0, "b": 2, "c": "w"}
        assert ranges.tuple_to_config((-3.0, 2, "w")) == config
        row = ranges.to_ndarray(config)
        assert list(row[2:]) == [0, 0, 1] and abs(row[0] - 0.2) < 1e-9 and ranges.from_ndarray(row) == config
        state = create_tuning_job_state(ranges, [(-3.0, -4, "u"), (2.0, -3, "v"), (-4.5, -1, "v"), (0.0, 4, "w")],
                                        [dictionarize_objective(x) for x in (15.0, 27.0, 13.0, 39.0)])
        searcher = GPFIFOSearcher(ranges.config_space, random_seed=1, metric="objective", debug_log=False)
        begun = searcher.get_state()
        begun["state"] = encode_state(state)
        batch = searcher.clone_from_state(begun).get_batch_configs(batch_size=5)
        print(len(batch), len({ranges.config_to_match_string(config) for config in batch}))
        """
    )
    assert done.stdout == "5 5\n"


@pytest.fixture
def tasks():
    """Two tasks; the best of both are at x = 0.3."""
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    from skipjack.syne_tune.transfer import TransferLearningTaskEvaluations

    found = {}
    for offset in (0, 5):
        table = pandas.DataFrame({"x": [0.1, 0.3, 0.6, 0.9], "k": [1, 2, 3, 9], "epochs": 9})
        values = numpy.array([(x - 0.3) ** 2 + offset for x in table["x"]]).reshape(4, 1, 1, 1)
        # Two fidelities of which the second is better.
        values = numpy.concatenate([values + 1, values], axis=2)
        found[f"task-{offset}"] = TransferLearningTaskEvaluations(SPACE, table, ["loss"], values)
    return found


def test_earlier_tasks_say_where_to_begin(tasks):
    from skipjack.syne_tune import transfer

    task = tasks["task-0"]
    assert task.top_k_hyperparameter_configurations(1, "min", "loss") == [{"x": 0.3, "k": 2, "epochs": 9}]
    assert task.top_k_hyperparameter_configurations(2, "max", "loss")[0]["x"] == 0.9
    given = {"config_space": SPACE, "metric": "loss", "transfer_learning_evaluations": tasks}
    zero = transfer.ZeroShotTransfer(use_surrogates=True, **given)
    assert zero.method.name == "zero_shot" and zero.suggest(0).config["x"] == 0.3
    quantiles = schedulers.FIFOScheduler(
        SPACE, metric="loss", searcher=transfer.QuantileBasedSurrogateSearcher(max_fit_samples=100, **given)
    )
    assert quantiles.method.options["max_fit_samples"] == 100 and quantiles.suggest(0).config["epochs"] == 9
    halving = transfer.ASHACTS(resource_attr="epoch", max_resource_attr="epochs", **given)
    assert halving.method.name == "asha_quantile_transfer" and halving.suggest(0).config["epochs"] == 9
    rush = transfer.RUSHScheduler(
        SPACE, tasks, "loss", resource_attr="epoch", points_to_evaluate=[{"x": 0.8}], max_resource_attr="epochs"
    )
    assert rush.points_to_evaluate == [{"x": 0.3, "k": 2, "epochs": 9}, {"x": 0.8}]
    assert rush.method.options["num_threshold_candidates"] == 1


def test_a_box_is_what_the_function_gets_in_both_eras(tasks):
    from skipjack.syne_tune import transfer

    given = {"config_space": SPACE, "metric": "loss", "transfer_learning_evaluations": tasks}
    earlier = transfer.BoundingBox(
        scheduler_fun=lambda new_config_space, mode, metric: schedulers.RandomSearch(
            new_config_space, metric=metric, mode=mode
        ),
        num_hyperparameters_per_task=2,
        **given,
    )
    box = earlier.config_space
    # The best two of each are at 0.1 and 0.3.
    assert 0 <= box["x"].lower <= 0.1 and 0.3 <= box["x"].upper < 0.5 and box["epochs"] == 9
    assert box["x"].is_valid(earlier.suggest(0).config["x"])
    last = transfer.BoundingBox(
        scheduler_fun=lambda space, metric, do_minimize, random_seed: schedulers.SingleObjectiveScheduler(
            space, metric=metric, do_minimize=do_minimize, random_seed=random_seed
        ),
        random_seed=4,
        do_minimize=False,
        **given,
    )
    # Where more is better, the best is at 0.9.
    assert last.config_space["x"].is_valid(0.9) and (last.random_seed, last.mode) == (4, "max")


def test_every_searcher_by_name_has_its_method():
    for name in (*schedulers._FIFO_SEARCHERS.values(), *schedulers._HYPERBAND_SEARCHERS.values()):
        assert methods.find(schedulers._INSTEAD.get(name, name)) is not None, name
