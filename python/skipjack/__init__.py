"""Skipjack: parameter search and fast S3 downloads.

    import skipjack

    study = skipjack.AskTell({"x": skipjack.uniform(0, 1)}, metrics="loss")
    trial = study.ask()
    study.tell(trial, {"loss": (trial.configuration["x"] - 0.3) ** 2})

Names are loaded when they are first used, so that importing this costs next to nothing: a trial that
reports loads the reporter and nothing else. docs/python.md has the whole of it.
"""

import sys

TYPE_CHECKING = False  # what `typing` has, without loading it
if TYPE_CHECKING:
    from . import methods as methods
    from . import s3 as s3
    from ._core import Domain as Domain
    from ._core import History as History
    from ._core import Interrupt as Interrupt
    from ._core import SearchSpace as SearchSpace
    from ._core import choice as choice
    from ._core import finrange as finrange
    from ._core import logfinrange as logfinrange
    from ._core import logordinal as logordinal
    from ._core import lograndint as lograndint
    from ._core import loguniform as loguniform
    from ._core import ordinal as ordinal
    from ._core import qlograndint as qlograndint
    from ._core import qloguniform as qloguniform
    from ._core import qrandint as qrandint
    from ._core import quniform as quniform
    from ._core import randint as randint
    from ._core import reverseloguniform as reverseloguniform
    from ._core import uniform as uniform
    from .backends import LocalBackend as LocalBackend
    from .backends import ProgramBackend as ProgramBackend
    from .backends import PythonBackend as PythonBackend
    from .backends import SlurmBackend as SlurmBackend
    from .comparison import Comparison as Comparison
    from .comparison import compare as compare
    from .errors import AlreadyExists as AlreadyExists
    from .errors import Cancelled as Cancelled
    from .errors import Corrupted as Corrupted
    from .errors import Error as Error
    from .errors import Exhausted as Exhausted
    from .errors import InvalidArgument as InvalidArgument
    from .errors import Io as Io
    from .errors import Network as Network
    from .errors import NotFound as NotFound
    from .errors import PermissionDenied as PermissionDenied
    from .errors import Timeout as Timeout
    from .errors import Unsupported as Unsupported
    from .experiments import Experiment as Experiment
    from .experiments import list_experiments as list_experiments
    from .experiments import load_experiment as load_experiment
    from .experiments import remove_experiment as remove_experiment
    from .metrics import Metric as Metric
    from .reporter import Reporter as Reporter
    from .schedulers import Scheduler as Scheduler
    from .schedulers import Searcher as Searcher
    from .sources import SourceExperiment as SourceExperiment
    from .study import AskTell as AskTell
    from .tuner import Callback as Callback
    from .tuner import PlateauCriterion as PlateauCriterion
    from .tuner import StoppingCriterion as StoppingCriterion
    from .tuner import Tuner as Tuner
    from .tuner import TuningResult as TuningResult
    from .tuner import resume as resume

    __version__: str

_HOMES = {
    "_core": (
        "Domain History Interrupt SearchSpace __version__ choice finrange logfinrange logordinal "
        "lograndint loguniform ordinal qlograndint qloguniform qrandint quniform randint "
        "reverseloguniform uniform"
    ),
    "backends": "LocalBackend ProgramBackend PythonBackend SlurmBackend",
    "comparison": "Comparison compare",
    "errors": (
        "AlreadyExists Cancelled Corrupted Error Exhausted InvalidArgument Io Network NotFound "
        "PermissionDenied Timeout Unsupported"
    ),
    "experiments": "Experiment list_experiments load_experiment remove_experiment",
    "metrics": "Metric",
    "reporter": "Reporter",
    "schedulers": "Scheduler Searcher",
    "sources": "SourceExperiment",
    "study": "AskTell",
    "tuner": "Callback PlateauCriterion StoppingCriterion Tuner TuningResult resume",
}
_MODULES = ("errors", "methods", "s3", "schedulers")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF) + list(_MODULES)


if not TYPE_CHECKING:  # else any name would seem to be there

    def __getattr__(name):
        if name in _MODULES:
            return __import__(f"{__name__}.{name}", fromlist=["*"])
        if name not in _HOME_OF:
            message = f"module 'skipjack' has no attribute '{name}'"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])  # Python knows similar names
        home = __import__(f"{__name__}.{_HOME_OF[name]}", fromlist=[name])
        value = getattr(home, name)
        globals()[name] = value
        return value


def __dir__():
    return __all__
