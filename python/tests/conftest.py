"""What several test files need."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """launch(launcher, script="") runs a launcher written for Syne Tune; files are below tmp_path."""
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path / "syne-tune"))

    def run(launcher, script="", arguments=(), code=0):
        (tmp_path / "launcher.py").write_text(textwrap.dedent(launcher))
        (tmp_path / "trial.py").write_text(textwrap.dedent(script))
        done = subprocess.run(
            [sys.executable, "-m", "skipjack.syne_tune", "launcher.py", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == code, done.stderr[-2000:]
        return done

    return run


@pytest.fixture
def only_experiment(tmp_path):
    """The folder of the one experiment that a launcher has made."""

    def find():
        (name,) = os.listdir(tmp_path / "syne-tune")
        return tmp_path / "syne-tune" / name

    return find
