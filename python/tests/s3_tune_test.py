"""Tunings of downloads from Python, against the embedded server."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
import skipjack

from trials import heed_ctrl_c

pytestmark = pytest.mark.usefixtures("no_settings_of_the_user")


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_tuning_ends_with_a_verdict(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    verdict = skipjack.s3.tune(
        "s3://bench/small", endpoint_url=server, max_trials=2, repeats=1, max_time=25, to="memory", root=str(tmp_path)
    )
    assert verdict["experiment"] in [entry["name"] for entry in skipjack.list_experiments(str(tmp_path))]
    experiment = skipjack.load_experiment(verdict["experiment"], str(tmp_path))
    assert experiment.metrics[0]["kind"] == "time"
    assert {"experiment": experiment.name, **experiment.verdict} == verdict
    source = experiment.source()
    assert 1 <= len(source.observations) <= 3 < experiment.history.num_trials  # not what the verdict downloads
    assert experiment.space.parameters.keys() >= source.observations[0][0].keys()
    begun = skipjack.Tuner(
        skipjack.PythonBackend(int), {"max_concurrency": skipjack.randint(1, 100)}, experiment.metrics[0]["name"],
        root=str(tmp_path), name="warm", sources=[experiment.name], stop=[lambda turn, history: True],
    ).run()  # fmt: skip
    (kept,) = begun.experiment().definition["sources"]
    assert kept["values"] == [value for _, value in source.observations]
    with pytest.raises(skipjack.InvalidArgument, match="skipjack resume"):
        skipjack.resume(experiment.name, root=str(tmp_path), add_trials=1)
    with pytest.raises(skipjack.NotFound, match="nothing"):
        skipjack.s3.tune("s3://bench/small", endpoint_url=server, root=str(tmp_path), sources=["nothing"])
    with pytest.raises(skipjack.InvalidArgument, match="names of experiments, not a SourceExperiment"):
        skipjack.s3.tune("s3://bench/small", endpoint_url=server, root=str(tmp_path), sources=[source])
    with pytest.raises(skipjack.NotFound, match="none"):
        skipjack.s3.tune("s3://bench/none", endpoint_url=server, root=str(tmp_path))


def test_the_example_does_the_main_job(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SKIPJACK_HOME", str(tmp_path / "experiments"))
    example = pathlib.Path(__file__).resolve().parents[2] / "examples" / "tune_download.py"
    command = [sys.executable, str(example), "s3://bench/small", "--endpoint-url", server, "--max-time", "5s"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "TransferConfig(" in done.stdout and "downloaded 1048576 bytes with it" in done.stdout


def test_a_client_that_is_not_there_is_said(server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    where = {"endpoint_url": server, "folder": str(tmp_path), "root": str(tmp_path)}
    with pytest.raises(skipjack.NotFound, match="'/nonexistent/rclone' is no rclone.*or give its program$"):
        skipjack.s3.tune("s3://bench/obj", client="rclone", program="/nonexistent/rclone", **where)
    # What the command line tool calls flags are arguments here.
    with pytest.raises(skipjack.NotFound, match="no boto3 under the interpreter '/none/py'.*or give the python of one"):
        skipjack.s3.tune("s3://bench/obj", client="boto3", python="/none/py", **where)
    with pytest.raises(skipjack.InvalidArgument, match="raise max_bytes or lower repeats$"):
        skipjack.s3.tune("s3://bench/obj", max_bytes=1, **where)
    with pytest.raises(skipjack.InvalidArgument, match="uri must be a str, not int"):
        skipjack.s3.tune(5, **where)
    with pytest.raises(skipjack.InvalidArgument, match="uri = '--help' must begin with s3://"):
        skipjack.s3.tune("--help", **where)
    # Before anybody is asked.
    nowhere = {**where, "endpoint_url": "http://127.0.0.1:9"}
    with pytest.raises(skipjack.InvalidArgument, match="foo"):
        skipjack.s3.tune("s3://bench/obj", method="foo", **nowhere)
    with pytest.raises(skipjack.InvalidArgument, match="seed = -1"):
        skipjack.s3.tune("s3://bench/obj", seed=-1, **nowhere)


def test_flags_are_told_from_what_users_wrote():
    arguments = {"--to": "to", "--seed": "seed", "--max-bytes": "max_bytes"}

    def said(message):
        return skipjack.s3._in_words_of_python(message, arguments)

    assert said("give --to file, or raise --max-bytes") == 'give to="file", or raise max_bytes'
    for users in ("/data/a--to memory/x--seed", "'--seed'", "1--to file", "rm s --experiments-dir /tmp"):
        assert said(users) == users


TUNES = """
import skipjack
try:
    skipjack.s3.tune("s3://bench/obj", endpoint_url={server!r}, max_time=60, name="one", root={root!r}, folder={root!r})
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_tuning_ends_with_its_process(server, tmp_path, monkeypatch, signal_number):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    script = TUNES.format(server=server, root=str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    )

    def states():
        return [entry["running"] for entry in skipjack.list_experiments(str(tmp_path))]

    try:
        wait_until(lambda: states() == [True])
        process.send_signal(signal_number)
        assert process.communicate(timeout=20)[0] == ("interrupted\n" if signal_number == signal.SIGINT else "")
    finally:
        process.kill()
    wait_until(lambda: states() == [False])
    assert skipjack.load_experiment("one", str(tmp_path)).status == "interrupted"
