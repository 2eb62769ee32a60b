"""Which module of Skipjack answers for which name of Syne Tune. Modules are made when they are
imported, names when they are used: a trial that imports the reporter loads nothing else.
"""

import sys
from importlib.machinery import ModuleSpec

_DOMAINS = (
    "Domain Float Integer Categorical Ordinal OrdinalNearestNeighbor FiniteRange uniform loguniform "
    "reverseloguniform randint lograndint choice ordinal logordinal finrange logfinrange quniform "
    "qloguniform qrandint qlograndint add_to_argparse cast_config_values config_space_size to_dict "
    "from_dict config_space_to_json_dict config_space_from_json_dict search_space_to_json_dict "
    "search_space_from_json_dict search_space_size non_constant_hyperparameter_keys is_log_space "
    "is_uniform_space is_reverse_log_space remove_constant_and_cast restrict_domain config_to_match_string"
)
_BASELINES = (
    "RandomSearch GridSearch BayesianOptimization ASHA MOBSTER HyperTune DyHPO PASHA BOHB SyncHyperband "
    "SyncBOHB SyncMOBSTER DEHB BORE ASHABORE BoTorch BOTorch REA MORandomScalarizationBayesOpt NSGA2 MOREA "
    "MOLinearScalarizationBayesOpt ConstrainedBayesianOptimization KDE TPE CQR "
    "ASHACQR MOASHA PopulationBasedTraining EHVI SMAC baselines_dict"
)
_BACKENDS = {"backends": "LocalBackend PythonBackend", "sagemaker": "SageMakerBackend"}
_SAGEMAKER_CONSTANTS = (
    "DEFAULT_CPU_INSTANCE DEFAULT_CPU_INSTANCE_SMALL DEFAULT_GPU_INSTANCE_1GPU DEFAULT_GPU_INSTANCE_4GPU "
    "PYTORCH_LATEST_FRAMEWORK PYTORCH_LATEST_PY_VERSION HUGGINGFACE_LATEST_FRAMEWORK_VERSION "
    "HUGGINGFACE_LATEST_PYTORCH_VERSION HUGGINGFACE_LATEST_TRANSFORMERS_VERSION HUGGINGFACE_LATEST_PY_VERSION "
    "MXNET_LATEST_PY_VERSION MXNET_LATEST_VERSION"
)
_TRIALS = {"status": "Status Trial TrialResult"}
_SCHEDULER_BASE = {"custom": "TrialScheduler TrialSuggestion SchedulerDecision"}
_BASE_SEARCHERS = {
    "searchers": (
        "BaseSearcher StochasticSearcher StochasticAndFilterDuplicatesSearcher SingleObjectiveBaseSearcher "
        "impute_points_to_evaluate extract_random_seed"
    )
}
_SEARCHERS = {
    "searchers": (
        _BASE_SEARCHERS["searchers"] + " RandomSearcher MultiObjectiveRandomSearcher GridSearcher "
        "RegularizedEvolution GPMultiFidelitySearcher LastValueMultiFidelitySearcher searcher_factory searcher_cls"
    ),
    "standalone": "GPFIFOSearcher",
}
_KDE = {"searchers": "KernelDensityEstimator MultiFidelityKernelDensityEstimator"}
_BORE = {"searchers": "Bore MultiFidelityBore"}
_CONFORMAL = {"searchers": "SurrogateSearcher ConformalQuantileRegression"}
_BOTORCH = {"searchers": "BoTorchSearcher BotorchSearcher"}
_RANGES = {"ranges": "HyperparameterRanges HyperparameterRangesImpl make_hyperparameter_ranges"}
_SURROGATES = {"surrogate": "SKLearnEstimator SKLearnPredictor"}
_TASKS = {"transfer": "TransferLearningTaskEvaluations"}
_QUANTILES = {"transfer": "QuantileBasedSurrogateSearcher"}
_EXPERIMENTS = {"experiments": "ExperimentResult load_experiment get_metadata list_experiments load_experiments_df"}
_CALLBACKS = {"callbacks": "TunerCallback"}
_RESULTS = {"callbacks": "StoreResultsCallback ExtraResultsComposer"}
_CHECKPOINTS = {
    "worker": (
        "add_checkpointing_to_argparse resume_from_checkpointed_model checkpoint_model_at_rung_level "
        "pytorch_load_save_functions"
    )
}
_JSON = {"worker": "add_config_json_to_argparse load_config_json"}
_STOPPING = {"stopping": "StoppingCriterion PlateauStopper"}
_STATUS = {"status": "TuningStatus MetricsStatistics print_best_metric_found"}

# Of searchers and transfer learning, below syne_tune.optimizer.schedulers.
_BELOW_SCHEDULERS = {
    "searchers": _SEARCHERS,
    "searchers.searcher": _SEARCHERS,
    "searchers.searcher_base": _BASE_SEARCHERS,
    "searchers.single_objective_searcher": _BASE_SEARCHERS,
    "searchers.searcher_factory": _SEARCHERS,
    "searchers.random_grid_searcher": _SEARCHERS,
    "searchers.random_searcher": _SEARCHERS,
    "searchers.regularized_evolution": _SEARCHERS,
    "searchers.last_value_multi_fidelity_searcher": _SEARCHERS,
    "searchers.gp_fifo_searcher": _SEARCHERS,
    "searchers.gp_multifidelity_searcher": _SEARCHERS,
    "searchers.gp_searcher_utils": {"standalone": "encode_state decode_state"},
    "searchers.kde": _KDE,
    "searchers.kde.kde_searcher": _KDE,
    "searchers.bore": _BORE,
    "searchers.bore.bore": _BORE,
    "searchers.conformal": _CONFORMAL,
    "searchers.conformal.surrogate_searcher": _CONFORMAL,
    "searchers.conformal.conformal_quantile_regression_searcher": _CONFORMAL,
    "searchers.botorch": _BOTORCH,
    "searchers.botorch.botorch_searcher": _BOTORCH,
    "searchers.constrained": {"searchers": "ConstrainedGPFIFOSearcher"},
    "searchers.hypertune": {"searchers": "HyperTuneSearcher"},
    "searchers.dyhpo": {},
    "searchers.dyhpo.hyperband_dyhpo": {"schedulers": "DyHPORungSystem"},
    "searchers.utils": _RANGES,
    "searchers.utils.hp_ranges": _RANGES,
    "searchers.utils.hp_ranges_factory": _RANGES,
    "searchers.utils.hp_ranges_impl": _RANGES,
    "searchers.sklearn": {"surrogate": "SKLearnSurrogateSearcher"},
    "searchers.sklearn.sklearn_surrogate_searcher": {"surrogate": "SKLearnSurrogateSearcher"},
    "searchers.bayesopt": {},
    "searchers.bayesopt.sklearn": _SURROGATES,
    "searchers.bayesopt.sklearn.estimator": _SURROGATES,
    "searchers.bayesopt.sklearn.predictor": _SURROGATES,
    "searchers.bayesopt.models": {},
    "searchers.bayesopt.models.meanstd_acqfunc_impl": {"surrogate": "EIAcquisitionFunction LCBAcquisitionFunction"},
    "searchers.bayesopt.datatypes": {},
    "searchers.bayesopt.datatypes.common": {"standalone": "INTERNAL_METRIC_NAME dictionarize_objective"},
    "searchers.bayesopt.datatypes.tuning_job_state": {"standalone": "TuningJobState"},
    "searchers.bayesopt.utils": {},
    "searchers.bayesopt.utils.test_objects": {"standalone": "create_tuning_job_state"},
    "transfer_learning": {"transfer": "TransferLearningTaskEvaluations BoundingBox RUSHScheduler"},
    "transfer_learning.transfer_learning_task_evaluation": _TASKS,
    "transfer_learning.bounding_box": {"transfer": "BoundingBox"},
    "transfer_learning.rush": {"transfer": "RUSHScheduler"},
    "transfer_learning.zero_shot": {"transfer": "ZeroShotSearcher:ZeroShotTransfer"},
    "transfer_learning.quantile_based": _QUANTILES,
    "transfer_learning.quantile_based.quantile_based_searcher": _QUANTILES,
}

# Module of Syne Tune -> {module of skipjack.syne_tune: names}. "*" is any name that it has.
MODULES = {
    "syne_tune": {
        "tuner": "Tuner",
        "stopping": "StoppingCriterion",
        "worker": "Reporter",
        "constants": "__version__",
    },
    "syne_tune.tuner": {"tuner": "Tuner"},
    "syne_tune.stopping_criterion": _STOPPING,
    "syne_tune.stopping_criterions": {},
    "syne_tune.report": {"worker": "Reporter retrieve"},
    "syne_tune.constants": {"constants": "*"},
    "syne_tune.config_space": {"config_space": _DOMAINS},
    "syne_tune.search_space": {"config_space": _DOMAINS},
    "syne_tune.tuning_status": _STATUS,
    "syne_tune.tuner_callback": _CALLBACKS,
    "syne_tune.results_callback": _RESULTS,
    "syne_tune.callbacks": {"callbacks": "TensorboardCallback"},
    "syne_tune.callbacks.tensorboard_callback": {"callbacks": "TensorboardCallback"},
    "syne_tune.num_gpu": {"backends": "get_num_gpus"},
    "syne_tune.try_import": {"util": "*"},
    "syne_tune.util": {
        "util": (
            "experiment_path random_string find_first_of_type name_from_base sanitize_sagemaker_name "
            "check_valid_sagemaker_name catchtime repository_root_path RegularCallback"
        )
    },
    "syne_tune.utils": {
        "worker": _CHECKPOINTS["worker"] + " parse_bool " + _JSON["worker"],
        "config_space": "streamline_config_space",
    },
    "syne_tune.utils.convert_domain": {"config_space": "streamline_config_space"},
    "syne_tune.utils.parse_bool": {"worker": "parse_bool"},
    "syne_tune.utils.config_as_json": _JSON,
    "syne_tune.utils.checkpoint": _CHECKPOINTS,
    "syne_tune.backend": _BACKENDS,
    "syne_tune.backend.local_backend": {"backends": "LocalBackend"},
    "syne_tune.backend.python_backend": {"backends": "PythonBackend"},
    "syne_tune.backend.python_backend.python_backend": {"backends": "PythonBackend"},
    "syne_tune.backend.sagemaker_backend": {},
    "syne_tune.backend.sagemaker_backend.sagemaker_backend": {"sagemaker": "SageMakerBackend"},
    "syne_tune.backend.sagemaker_backend.sagemaker_utils": {
        "sagemaker": "get_execution_role default_sagemaker_session"
    },
    "syne_tune.remote": {},
    "syne_tune.remote.constants": {"sagemaker": _SAGEMAKER_CONSTANTS},
    "syne_tune.remote.remote_launcher": {"sagemaker": "RemoteLauncher"},
    "syne_tune.backend.trial_status": _TRIALS,
    "syne_tune.backend.trial_backend": {"backends": "TrialBackend"},
    "syne_tune.optimizer": {},
    "syne_tune.optimizer.baselines": {"schedulers": _BASELINES, "transfer": "ZeroShotTransfer ASHACTS"},
    "syne_tune.optimizer.scheduler": _SCHEDULER_BASE,
    "syne_tune.optimizer.schedulers": {
        "schedulers": (
            "FIFOScheduler HyperbandScheduler MedianStoppingRule PopulationBasedTraining MOASHA "
            "SingleObjectiveScheduler SingleFidelityScheduler AsynchronousSuccessiveHalving"
        ),
        "custom": "AskTellScheduler",
    },
    "syne_tune.optimizer.schedulers.ask_tell_scheduler": {"custom": "AskTellScheduler"},
    "syne_tune.optimizer.schedulers.fifo": {"schedulers": "FIFOScheduler"},
    "syne_tune.optimizer.schedulers.hyperband": {"schedulers": "HyperbandScheduler"},
    "syne_tune.optimizer.schedulers.asha": {"schedulers": "AsynchronousSuccessiveHalving"},
    "syne_tune.optimizer.schedulers.single_objective_scheduler": {"schedulers": "SingleObjectiveScheduler"},
    "syne_tune.optimizer.schedulers.single_fidelity_scheduler": {"schedulers": "SingleFidelityScheduler"},
    "syne_tune.optimizer.schedulers.median_stopping_rule": {"schedulers": "MedianStoppingRule"},
    "syne_tune.optimizer.schedulers.pbt": {"schedulers": "PopulationBasedTraining"},
    "syne_tune.optimizer.schedulers.multiobjective": {
        "schedulers": "MOASHA LinearScalarizedScheduler",
    },
    "syne_tune.optimizer.schedulers.multiobjective.moasha": {"schedulers": "MOASHA"},
    "syne_tune.optimizer.schedulers.synchronous": {
        "schedulers": (
            "SyncHyperband:SynchronousGeometricHyperbandScheduler DEHB:GeometricDifferentialEvolutionHyperbandScheduler"
        )
    },
    **{f"syne_tune.optimizer.schedulers.{name}": answers for name, answers in _BELOW_SCHEDULERS.items()},
    "syne_tune.experiments": _EXPERIMENTS,
    "syne_tune.experiments.experiment_result": _EXPERIMENTS,
}

_COMPARED = "skipjack.compare({setup: [names]}, root=experiment_path()).plot(), or load_experiment(name).plot()"

# What is not answered, and what to use: the longest prefix counts.
INSTEAD = {
    "syne_tune": "docs/python.md lists the names that are answered",
    "syne_tune.backend.sagemaker_backend": "LocalBackend, or a Slurm cluster; Syne Tune has dropped it too",
    "syne_tune.backend.simulator_backend": "skipjack bench replays tables (docs/bench-search.md)",
    "syne_tune.blackbox_repository": "skipjack bench replays tables (docs/bench-search.md)",
    "syne_tune.experiments.benchmark_definitions": "skipjack bench replays tables (docs/bench-search.md)",
    "syne_tune.optimizer.schedulers.transfer_learning": "Tuner(sources=[...]) of skipjack (docs/transfer.md)",
    "syne_tune.stopping_criterions": "StoppingCriterion or PlateauStopper of syne_tune.stopping_criterion",
    "syne_tune.optimizer.schedulers.RayTuneScheduler": "one of skipjack.methods",
    "syne_tune.optimizer.schedulers.searchers.bayesopt": "method bayesopt; its parts have no Python form",
    "syne_tune.optimizer.schedulers.searchers": "FIFOScheduler(searcher='random', ...) by name, or a skipjack.Searcher",
    "syne_tune.experiments.visualization": _COMPARED,
    **{f"syne_tune.experiments.{name}": _COMPARED for name in ("ComparativeResults", "PlotParameters")},
    "syne_tune.search_space.randn": "uniform or loguniform",
    "syne_tune.search_space.qrandn": "quniform",
    "syne_tune.search_space.sample_from": "a condition or constraint of skipjack.SearchSpace",
}


def _instead(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        found = INSTEAD.get(".".join(parts[:length]))
        if found:
            return found
    return ""


def _refusal(name):
    return ImportError(f"'{name}' of Syne Tune is not answered by Skipjack; instead: {_instead(name)}", name=name)


def _usual(name):
    """0.14 has what it was about to drop as legacy_<module> and Legacy<Name>."""
    return name.replace(".legacy_", ".").replace(".Legacy", ".")


def _homes(module):
    """{name: (module of ours, name in it)}, and the modules that answer for any name."""
    table, open_homes = {}, []
    for home, names in MODULES[_usual(module)].items():
        for name in names.split():
            if name == "*":
                open_homes.append(home)
                continue
            ours, _, theirs = name.partition(":")
            table[theirs or ours] = (home, ours)
    return table, open_homes


def _getattr_of(module):
    table, open_homes = _homes(module)

    def lookup(name):
        if name.removeprefix("Legacy") in table:
            home, ours = table[name.removeprefix("Legacy")]
            return getattr(__import__(f"skipjack.syne_tune.{home}", fromlist=[ours]), ours)
        if _usual(f"{module}.{name}") in MODULES:
            return __import__(f"{module}.{name}", fromlist=["*"])
        for home in open_homes:
            found = getattr(__import__(f"skipjack.syne_tune.{home}", fromlist=[name]), name, None)
            if found is not None:
                return found
        if name.startswith("__"):
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        raise _refusal(f"{module}.{name}")

    return lookup, sorted(table)


class _Finder:
    """Makes the modules below `syne_tune`; refuses those that are not in the table by name."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith("syne_tune."):
            return None
        if _usual(name) not in MODULES:
            raise _refusal(name)
        return ModuleSpec(name, _Finder, is_package=True)

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        _fill(module)


def _fill(module):
    module.__getattr__, module.__all__ = _getattr_of(module.__name__)


def answer(name):
    """Makes the package of that name, which is being imported, answer for Syne Tune."""
    _fill(sys.modules[name])
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
