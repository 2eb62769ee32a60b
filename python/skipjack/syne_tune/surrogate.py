"""Bayesian optimisation around a surrogate that the launcher brings along: fit() and predict() with means and
standard deviations, as scikit-learn's regressors have them. Needs numpy, as the surrogate does."""

from ..errors import Unsupported
from .searchers import StochasticAndFilterDuplicatesSearcher


class SKLearnPredictor:
    """Base class: predict(X) gives (means, standard deviations)."""

    def predict(self, X):
        raise NotImplementedError


class SKLearnEstimator:
    """Base class: fit(X, y, update_params) gives an SKLearnPredictor. X: (n, d), y: (n,), smaller is better."""

    def fit(self, X, y, update_params):
        raise NotImplementedError

    def get_params(self):
        return {}

    def set_params(self, param_dict):
        pass

    @property
    def normalize_targets(self):
        return False


class EIAcquisitionFunction:
    """Expected improvement."""

    @staticmethod
    def score(means, deviations, best):
        """Larger is better."""
        import math

        scores = []
        for mean, deviation in zip(means, deviations):
            gain, scale = best - mean, max(deviation, 1e-12)
            z = gain / scale
            density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            scores.append(gain * (1 + math.erf(z / math.sqrt(2))) / 2 + scale * density)
        return scores


class LCBAcquisitionFunction:
    """Lower confidence bound, one standard deviation below the mean."""

    @staticmethod
    def score(means, deviations, best):
        return [deviation - mean for mean, deviation in zip(means, deviations)]


class SKLearnSurrogateSearcher(StochasticAndFilterDuplicatesSearcher):
    """For FIFOScheduler. Random configurations first, then the best of num_initial_candidates random ones by
    scoring_class. Trials that run are not taken into account, but for not being suggested again."""

    def __init__(
        self,
        config_space,
        metric,
        estimator,
        points_to_evaluate=None,
        scoring_class=None,
        num_initial_candidates=250,
        num_initial_random_choices=3,
        **options,
    ):
        super().__init__(config_space, metric, points_to_evaluate, **options)
        self._scoring = scoring_class or EIAcquisitionFunction
        if not hasattr(self._scoring, "score"):
            raise Unsupported(
                f"scoring_class {getattr(self._scoring, '__name__', self._scoring)} of SKLearnSurrogateSearcher "
                "is not answered by Skipjack",
                "use EIAcquisitionFunction or LCBAcquisitionFunction",
            )
        self.estimator = estimator
        self._num_candidates = num_initial_candidates
        self._num_random = num_initial_random_choices
        self._configs, self._targets = [], []

    def _update(self, trial_id, config, result):
        value = float(result[self._metric])
        if value - value == 0:  # finite
            self._configs.append(config)
            self._targets.append(-value if self._mode == "max" else value)

    def _get_config(self, **kwargs):
        initial = self._next_initial_config()
        if initial is not None:
            return initial
        if len(self._targets) < max(self._num_random, 1):
            return self._get_random_config()
        drawn = self._allowed or self._hp_ranges.random_configs(self.random_state, self._num_candidates)
        candidates = [config for config in drawn if self.allow_duplicates or not self.should_not_suggest(config)]
        if not candidates:
            return self._get_random_config()
        scores = self._scores(candidates)
        return candidates[max(range(len(candidates)), key=scores.__getitem__)]

    def _scores(self, candidates):
        import numpy

        targets = numpy.array(self._targets)
        if self.estimator.normalize_targets:
            targets = (targets - targets.mean()) / (targets.std() or 1.0)
        predictor = self.estimator.fit(self._hp_ranges.to_ndarray_matrix(self._configs), targets, update_params=True)
        means, deviations = predictor.predict(self._hp_ranges.to_ndarray_matrix(candidates))
        means, deviations = (numpy.asarray(part, dtype=float).reshape(-1).tolist() for part in (means, deviations))
        return self._scoring.score(means, deviations, float(targets.min()))
