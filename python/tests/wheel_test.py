"""The wheel: built by pip from the source tree, installed into a clean environment, used there."""

import glob
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

USE = """
import skipjack
from skipjack import program
assert skipjack.__file__.startswith({prefix!r}), skipjack.__file__
result = skipjack.Tuner(skipjack.LocalBackend("trial.sh"), {{"x": skipjack.uniform(0, 1)}}, "loss", name="wheel",
                        stop=skipjack.StoppingCriterion(max_trials_started=2), root="experiments").run()
assert result.history.counts["completed"] == 2, result.history.trials
print(skipjack.__version__)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_a_wheel_serves_a_clean_environment(tmp_path):
    settings = [f"build-dir={os.path.abspath(os.environ.get('SKIPJACK_WHEEL_BUILD', tmp_path / 'build'))}"]
    # The flags of the tests' own build.
    settings += os.environ.get("SKIPJACK_WHEEL_SETTINGS", "").split(";")
    flags = [f"--config-settings={setting}" for setting in settings if setting]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", str(tmp_path), *flags, str(ROOT))
    (wheel,) = glob.glob(str(tmp_path / "skipjack-*.whl"))

    clean = tmp_path / "clean"
    run(sys.executable, "-m", "venv", str(clean))
    python = str(clean / "bin" / "python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", wheel, env=environment)
    assert run(python, "-m", "pip", "list", "--format=freeze", env=environment).count("==") <= 3  # pip, setuptools

    script = tmp_path / "trial.sh"
    script.write_text("#!/bin/sh\necho '[tune-metric]: {\"loss\": 1}'\n")
    script.chmod(0o755)
    version = run(python, "-c", USE.format(prefix=str(clean)), cwd=tmp_path, env=environment).strip()
    assert run(str(clean / "bin" / "skipjack"), "--version", env=environment) == f"skipjack {version}\n"
    listed = run(
        str(clean / "bin" / "skipjack"), "--experiments-dir", str(tmp_path / "experiments"), "list", env=environment
    )
    assert "wheel" in listed
    (tmp_path / "launcher.py").write_text("from syne_tune import Tuner\nprint(Tuner.__module__)\n")
    launched = run(python, "-m", "skipjack.syne_tune", "launcher.py", cwd=tmp_path, env=environment)
    assert launched == "skipjack.syne_tune.tuner\n"
