"""The Python of README, run as it stands."""

import builtins
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_readme_runs(tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    section = (ROOT / "README.md").read_text().split("## From Python")[1].split("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (tmp_path / "readme.py").write_text(block)
    monkeypatch.setenv("SKIPJACK_HOME", str(tmp_path / "experiments"))
    done = subprocess.run([sys.executable, "readme.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{'lr': ") and "config_lr" in done.stdout


def test_every_name_of_the_documents_is_there():
    import skipjack
    from skipjack import methods, s3, schedulers

    classes = (skipjack.Tuner, skipjack.Experiment, skipjack.AskTell, skipjack.Scheduler, schedulers.Start)
    homes = (skipjack, s3, methods, schedulers, *classes)
    known = set(dir(builtins)) | {name for home in homes for name in dir(home)}
    text = (ROOT / "docs" / "python.md").read_text().split("## Scripts written for Syne Tune")[0]
    for name in re.findall(r"`\.?([a-z_]+|[A-Z][A-Za-z]+)\(", text):
        assert name in known, name
