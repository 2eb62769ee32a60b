"""What several test files need."""

import os
import subprocess
import sys
import textwrap

import pytest

OBJECT_SIZE = 20 * 2**20 + 7


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


@pytest.fixture(scope="module")
def server():
    """The endpoint of a server that holds bench/obj and wants keys."""
    from skipjack import program

    process = subprocess.Popen(
        [
            program.tool(), "s3", "sim", "--port", "0", "--object", f"bench/obj={OBJECT_SIZE}", "--object",
            "bench/small=1MiB", "--access-key", "key",
            "--secret-key", "secret", "--exit-with-parent",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "listening on " in line:
            yield line.split("listening on ")[1].split()[0]
            break
    process.terminate()
    process.wait(10)


@pytest.fixture
def no_settings_of_the_user(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
