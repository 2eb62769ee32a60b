"""Ask-tell: for programs that evaluate for themselves."""

from . import _core
from .methods import method_of
from .metrics import metric_list


class AskTell:
    """A tuning without processes.

        study = AskTell({"x": uniform(0, 1)}, metrics="loss")
        trial = study.ask()
        study.tell(trial, {"loss": measure(trial.configuration)})

    Arguments are those of Tuner; ask_timeout: seconds of silence after which a trial is asked again.
    Many threads may ask and tell one study.
    """

    def __init__(
        self, space, metrics, *, mode="min", method="bayesopt", seed=0, points_to_evaluate=None, ask_timeout=None
    ):
        chosen = method_of(method)
        self._study = _core.AskTell(
            space,
            metric_list(metrics, mode),
            method=chosen.name,
            method_options=chosen.options or None,
            seed=seed,
            points_to_evaluate=points_to_evaluate,
            ask_timeout=ask_timeout,
        )

    def ask(self, number=None):
        """A trial with id and configuration; number of them as a list. Exhausted when there is no more."""
        return self._study.ask() if number is None else self._study.ask_many(number)

    def try_ask(self):
        """A trial, or None where there may be more once open ones are told."""
        return self._study.try_ask()

    def tell(self, trial, values):
        """The final values of a trial that was asked: every objective among them."""
        self._study.tell(*_id_of(trial), values)

    def tell_failed(self, trial, reason="failed"):
        """It failed: its configuration is not asked again."""
        self._study.tell_failed(*_id_of(trial), reason)

    def report(self, trial, values):
        """Values on the way, for methods that stop early. False: stop measuring it."""
        return self._study.report(*_id_of(trial), values)

    def best(self):
        """The best value so far: a dict with trial_id, configuration, value; None before the first."""
        return self._study.best()

    def recommend(self):
        """The configuration to believe in under noise, as a dict; None before the first value."""
        return self._study.recommend()

    def history(self):
        """What is known of every trial, as of now."""
        return self._study.history()


def _id_of(trial):
    return (trial if isinstance(trial, int) else trial.id,)
