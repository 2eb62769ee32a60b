"""Syne Tune's backends: local processes, from a script or from a function."""

import os
import sys
from pathlib import Path

from .. import backends as own
from ..errors import Unsupported
from . import STAND_IN


def get_num_gpus():
    """Number of GPUs that nvidia-smi lists; 0 where there is none of either."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if not any(os.access(os.path.join(folder, "nvidia-smi"), os.X_OK) for folder in folders):
        return 0
    import subprocess

    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return len(listed.stdout.splitlines()) if listed.returncode == 0 else 0


def _trial_environment():
    """What trials need to find the reporter, and one thread each, as Syne Tune has it."""
    path = os.environ.get("PYTHONPATH")
    found = {"PYTHONPATH": STAND_IN + (os.pathsep + path if path else "")}
    if "OMP_NUM_THREADS" not in os.environ:
        found["OMP_NUM_THREADS"] = "1"
    return found


class TrialBackend:
    """Base class: where the files of trials are."""

    def __init__(self, delete_checkpoints=False):
        self.delete_checkpoints = delete_checkpoints
        self._path = Path(".")

    def set_path(self, results_root=None, tuner_name=None):
        if results_root is not None:
            self._path = Path(results_root)

    def trial_path(self, trial_id):
        return self._path / str(trial_id)

    def checkpoint_trial_path(self, trial_id):
        return self.trial_path(trial_id) / "checkpoints"

    def _lines(self, trial_id, name):
        try:
            return (self.trial_path(trial_id) / name).read_text(errors="replace").splitlines(keepends=True)
        except OSError:
            return []

    def stdout(self, trial_id):
        return self._lines(trial_id, "std.out")

    def stderr(self, trial_id):
        return self._lines(trial_id, "std.err")


class LocalBackend(TrialBackend):
    def __init__(
        self,
        entry_point=None,
        delete_checkpoints=False,
        pass_args_as_json=False,
        rotate_gpus=True,
        num_gpus_per_trial=1,
        gpus_to_use=None,
        binary=None,
    ):
        super().__init__(delete_checkpoints)
        self._entry_point = Path(entry_point)
        self._pass_by = "json_file" if pass_args_as_json else "arguments"
        self._rotate_gpus = rotate_gpus
        self._num_gpus_per_trial = num_gpus_per_trial
        self._gpus_to_use = gpus_to_use
        self._binary = binary

    def entrypoint_path(self):
        return self._entry_point

    @property
    def source_dir(self):
        return None

    def _gpus(self, workers):
        """Handed out where there are several, and enough for all workers."""
        gpus = list(self._gpus_to_use) if self._gpus_to_use is not None else list(range(get_num_gpus()))
        enough = len(gpus) >= workers * self._num_gpus_per_trial
        return (
            {"gpus": gpus, "gpus_per_trial": self._num_gpus_per_trial}
            if self._rotate_gpus and len(gpus) > 1 and enough
            else {}
        )

    def own(self, workers, max_resource_attr):
        """As Skipjack has it."""
        return own.LocalBackend(
            self._entry_point,
            interpreter=[self._binary or sys.executable],
            pass_by=self._pass_by,
            max_resource_attr=max_resource_attr or "",
            environment=_trial_environment(),
            **self._gpus(workers),
        )


class PythonBackend(TrialBackend):
    def __init__(
        self,
        tune_function=None,
        config_space=None,
        rotate_gpus=True,
        delete_checkpoints=False,
        num_gpus_per_trial=1,
        gpus_to_use=None,
    ):
        super().__init__(delete_checkpoints)
        if gpus_to_use is not None:
            raise Unsupported("PythonBackend hands out no GPUs", "use LocalBackend with a script")
        self.tune_function = tune_function

    def entrypoint_path(self):
        return Path(getattr(self.tune_function, "__name__", "function") + ".py")

    def own(self, workers, max_resource_attr):
        return own.PythonBackend(
            self.tune_function, max_resource_attr=max_resource_attr or "", environment=_trial_environment()
        )
