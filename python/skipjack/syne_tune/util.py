"""Names of experiments, where they are, and small things that launchers import."""

import os
import time
from pathlib import Path

from .constants import SYNE_TUNE_DEFAULT_FOLDER, SYNE_TUNE_ENV_FOLDER


def log(level, message, *arguments):
    """A message for the launcher's user. Without one nothing is loaded: launchers are to start soon."""
    import logging

    getattr(logging.getLogger("skipjack"), level)(message, *arguments)


def experiment_path(tuner_name=None, local_path=None):
    """The folder of experiments, or of one: local_path, else $SYNETUNE_FOLDER, else ~/syne-tune."""
    root = local_path or os.environ.get(SYNE_TUNE_ENV_FOLDER) or Path("~") / SYNE_TUNE_DEFAULT_FOLDER
    root = Path(root).expanduser()
    return root / tuner_name if tuner_name is not None else root


def check_valid_sagemaker_name(name):
    """An error where a name can't be an experiment's."""
    from .. import _core

    _core.validate_experiment_name(name)


def sanitize_sagemaker_name(name):
    name = name.replace("_", "-")
    check_valid_sagemaker_name(name)
    return name


def name_from_base(base, default="st-tuner", max_length=63):
    """The name with the time in UTC."""
    from .. import _core

    return _core.default_experiment_name(base or default, time.time())[-max_length:]


def random_string(length):
    import random
    import string

    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


def find_first_of_type(items, kind):
    return next((item for item in items if isinstance(item, kind)), None)


def repository_root_path():
    """The folder that holds the package `syne_tune`."""
    from . import STAND_IN

    return Path(STAND_IN)


class catchtime:
    """Context manager that prints how long its body took."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_):
        print(f"Time for {self.name}: {time.perf_counter() - self.start:.4f} secs")


class RegularCallback:
    """Calls a function at most once in so many seconds."""

    def __init__(self, callback, call_seconds_frequency):
        self.callback = callback
        self.frequency = call_seconds_frequency
        self._last = time.monotonic()

    def __call__(self, *args, **kwargs):
        if time.monotonic() - self._last >= self.frequency:
            self._last = time.monotonic()
            self.callback(*args, **kwargs)


def _install_message():
    return "Skipjack answers for syne_tune here; this part needs a package that is not installed"


try_import_gpsearchers_message = try_import_kde_message = try_import_bore_message = _install_message
try_import_botorch_message = try_import_raytune_message = try_import_benchmarks_message = _install_message
try_import_visual_message = try_import_moo_message = try_import_sklearn_message = _install_message
try_import_aws_message = try_import_yahpo_message = try_import_blackbox_repository_message = _install_message
try_import_backends_message = _install_message
