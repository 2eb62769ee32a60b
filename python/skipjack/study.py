"""Ask-tell: for programs that evaluate for themselves."""

from __future__ import annotations

from . import _core
from .errors import InvalidArgument, kind_of, listed, seed_of
from .methods import method_of
from .metrics import metric_list
from .sources import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, overload

    from .methods import Method
    from .metrics import Metric
    from .sources import SourceExperiment


class AskTell:
    """A tuning without processes.

        study = AskTell({"x": uniform(0, 1)}, metrics="loss")
        trial = study.ask()
        study.tell(trial, {"loss": measure(trial.configuration)})

    Arguments are those of Tuner, sources are SourceExperiments; ask_timeout: seconds of silence after which a
    trial is asked again.
    Many threads may ask and tell one study.
    """

    def __init__(
        self,
        space: Mapping[str, Any] | _core.SearchSpace | str,
        metrics: str | Metric | Iterable[str | Metric],
        *,
        mode: str | Iterable[str] = "min",
        method: str | Method | type[Method] = "bayesopt",
        seed: int = 0,
        points_to_evaluate: Iterable[Mapping[str, Any]] | None = None,
        ask_timeout: float | None = None,
        sources: Iterable[SourceExperiment] = (),
    ) -> None:
        chosen = method_of(method)
        names, given = split(sources)
        if names:
            raise InvalidArgument(
                f"a study keeps no experiments, and finds none by the name '{names[0]}'",
                "give a SourceExperiment, such as skipjack.load_experiment(name).source()",
            )
        self._study = _core.AskTell(
            space,
            metric_list(metrics, mode),
            method=chosen.name,
            method_options=chosen.options or None,
            seed=seed_of(seed),
            points_to_evaluate=None if points_to_evaluate is None else listed("points_to_evaluate", points_to_evaluate),
            ask_timeout=ask_timeout,
            sources=given,
        )

    if TYPE_CHECKING:

        @overload
        def ask(self) -> _core.AskedTrial: ...

        @overload
        def ask(self, number: int) -> list[_core.AskedTrial]: ...

    def ask(self, number: int | None = None) -> Any:
        """A trial with id and configuration; number of them as a list. Exhausted when there is no more."""
        return self._study.ask() if number is None else self._study.ask_many(number)

    def try_ask(self) -> _core.AskedTrial | None:
        """A trial, or None where there may be more once open ones are told."""
        return self._study.try_ask()

    def tell(self, trial: _core.AskedTrial | int, values: Mapping[str, float]) -> None:
        """The final values of a trial that was asked: every objective among them. One that is not finite: the trial
        failed."""
        self._study.tell(*_id_of(trial), values)

    def tell_failed(self, trial: _core.AskedTrial | int, reason: str = "failed") -> None:
        """It failed: its configuration is not asked again."""
        self._study.tell_failed(*_id_of(trial), reason)

    def report(self, trial: _core.AskedTrial | int, values: Mapping[str, float]) -> bool:
        """Values on the way, for methods that stop early. False: stop measuring it."""
        return self._study.report(*_id_of(trial), values)

    def best(self) -> dict[str, Any] | None:
        """The best value so far: a dict with trial_id, configuration, value; None before the first."""
        return self._study.best()

    def recommend(self) -> dict[str, Any] | None:
        """The configuration to believe in under noise, as a dict; None before the first value."""
        return self._study.recommend()

    def history(self) -> _core.History:
        """What is known of every trial, as of now."""
        return self._study.history()


def _id_of(trial: _core.AskedTrial | int) -> tuple[int]:
    if not isinstance(trial, (int, _core.AskedTrial)):
        raise InvalidArgument(f"a trial must be what ask() gave, or its id, not {kind_of(trial)}")
    return (trial if isinstance(trial, int) else trial.id,)
