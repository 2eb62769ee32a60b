"""SlurmBackend: what it asks for, and over a real Slurm where there is one."""

import os

import pytest
import skipjack


def test_it_says_what_a_job_needs(tmp_path):
    backend = skipjack.SlurmBackend("train.py", partition="gpu", cpus=4, memory=2**30, gpus=1, time_limit=90,
                                    sbatch_options=["--qos=low"])  # fmt: skip
    assert backend.program()["slurm"] == {
        "partition": "gpu", "cpus": 4, "memory_bytes": 2**30, "gpus": 1, "time_limit": 90, "extra": ["--qos=low"],
    }  # fmt: skip
    (tmp_path / "train.py").write_text("")
    with pytest.raises(skipjack.InvalidArgument, match="cpus"):
        skipjack.Tuner(skipjack.SlurmBackend(tmp_path / "train.py", cpus=0), {"x": skipjack.uniform(0, 1)}, "loss",
                       stop=skipjack.StoppingCriterion(max_trials_started=1), root=tmp_path).run()  # fmt: skip


@pytest.mark.skipif("SKIPJACK_SLURM_FOLDER" not in os.environ, reason="not under tests/slurm/cluster")
def test_trials_are_jobs():
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory(dir=os.environ["SKIPJACK_SLURM_FOLDER"]) as folder:
        script = pathlib.Path(folder, "trial.py")
        script.write_text(
            "import json, os, sys\n"
            "print('[tune-metric]: ' + json.dumps({'loss': float(sys.argv[2]), 'job': os.environ['SLURM_JOB_NAME']}))\n"
        )
        result = skipjack.Tuner(skipjack.SlurmBackend(script), {"x": skipjack.uniform(0, 1)}, "loss", workers=2,
                                stop=skipjack.StoppingCriterion(max_trials_started=2), name="jobs",
                                root=pathlib.Path(folder, "home")).run()  # fmt: skip
        assert result.history.counts["completed"] == 2, result.history.trials
        for number, trial in enumerate(result.history.trials):
            (report,) = trial["reports"]
            assert report["metrics"]["loss"] == trial["configuration"]["x"]
            assert report["metrics"]["job"].startswith("skipjack-jobs-")
            assert report["metrics"]["job"].endswith(f"-{number}-0")
