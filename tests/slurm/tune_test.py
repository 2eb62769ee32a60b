#!/usr/bin/env python3
"""skipjack tune over a real Slurm, run as people run it: cluster run tune_test.py SKIPJACK [CLASS...]."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SKIPJACK = None
TIMEOUT = 120
WORKER = """
import argparse, json, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--together", type=int, default=1)
parser.add_argument("--st_checkpoint_dir")
args, _ = parser.parse_known_args()
checkpoint = pathlib.Path(args.st_checkpoint_dir, "step")
checkpoint.parent.mkdir(exist_ok=True)
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
begun = pathlib.Path(__file__).parent / "begun"
begun.mkdir(exist_ok=True)
(begun / os.environ.get("SLURM_JOB_ID", str(os.getpid()))).touch()
limit = time.monotonic() + 60
while len(list(begun.iterdir())) < args.together and time.monotonic() < limit:
    time.sleep(0.05)
for step in range(done + 1, args.steps + 1):
    time.sleep(0.1)
    print("[tune-metric]: " + json.dumps({"step": step, "loss": (args.x - 0.3) ** 2 + 1 / step,
                                          "node": os.environ.get("SLURMD_NODENAME", "")}))
    checkpoint.with_suffix(".tmp").write_text(str(step))
    checkpoint.with_suffix(".tmp").replace(checkpoint)  # a node may be gone at any moment
"""


def jobs(pattern="skipjack"):
    listed = subprocess.run(["squeue", "--me", "--noheader", "--format=%j"], text=True, capture_output=True)
    return [line for line in listed.stdout.splitlines() if pattern in line]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tune-", dir=os.environ["SKIPJACK_SLURM_FOLDER"])
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = dict(os.environ, SKIPJACK_HOME=str(self.folder / "home"))
        (self.folder / "worker.py").write_text(WORKER)

    def start(self, *args):
        process = subprocess.Popen([SKIPJACK, *map(str, args)], cwd=self.folder, env=self.environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (process.kill(), process.communicate()) if process.poll() is None else None)
        return process

    def run_skipjack(self, *args, expect=0):
        process = self.start(*args)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, expect, f"{args}\n{out}\n{err}")
        return out, err

    def tune_arguments(self, name, *more, steps=3, together=1, backend="slurm"):
        """together: a trial takes its first step when so many have begun."""
        (self.folder / "space.yaml").write_text(f"x: uniform(0, 1)\nsteps: {steps}\ntogether: {together}\n")
        return ("tune", "--entry-point", "worker.py", "--space", "space.yaml", "--metric", "loss", "--method",
                "random", "--name", name, "--interpreter", sys.executable, "--backend", backend, *more)

    def trials(self, name):
        shown = json.loads(self.run_skipjack("show", name, "--json")[0])
        return shown["trials"]

    def wait_until(self, what, holds, seconds=60):
        limit = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), limit, what)
            time.sleep(0.05)

    def check_no_job_left(self):
        """Slurm takes a moment to let go of a job whose program has ended."""
        self.wait_until("no job is left", lambda: jobs() == [], seconds=10)

    def num_reports(self, name):
        path = self.folder / "home" / name / "snapshot.json"
        return json.loads(path.read_text())["reports"] if path.exists() else 0

    def check_whole(self, trials, count, steps):
        """Every trial has every report, once and in order."""
        self.assertEqual(len(trials), count)
        for trial in trials:
            self.assertEqual(trial["status"], "completed", trial)
            self.assertEqual([report["step"] for report in trial["reports"]], list(range(1, steps + 1)), trial)


class Tune(Case):
    def test_eight_trials_over_four_nodes(self):
        limits = ("--workers", 8, "--max-trials", 8, "--slurm-cpus", 2)
        out, _ = self.run_skipjack(*self.tune_arguments("a", *limits, together=8))
        self.assertIn("8 completed", out)
        trials = self.trials("a")
        self.check_whole(trials, 8, 3)
        self.assertEqual({report["node"] for trial in trials for report in trial["reports"]}, {"n1", "n2", "n3", "n4"})
        self.check_no_job_left()
        snapshot = json.loads(self.run_skipjack("watch", "a", "--json")[0])
        self.assertEqual((snapshot["completed"], snapshot["reports"], snapshot["ended"]), (8, 24, "max_trials_started"))

    def test_same_configurations_as_on_this_machine(self):
        found = []
        for backend in ("slurm", "local"):
            arguments = self.tune_arguments(f"same-{backend}", "--workers", 1, "--max-trials", 4,
                                            "--method", "bayesopt", "--seed", 7, steps=1, backend=backend)
            self.run_skipjack(*arguments)
            found.append([trial["configuration"] for trial in self.trials(f"same-{backend}")])
        self.assertEqual(found[0], found[1])

    def test_refusals(self):
        for more, words in ((("--slurm-partition", "nope"), "Invalid partition name"),
                            (("--slurm-memory", "100TiB"), "configuration is not available"),
                            (("--gpus", "0"), "slurm_gpus")):
            _, err = self.run_skipjack(*self.tune_arguments("bad", "--max-trials", 1, *more), expect=2)
            self.assertIn(words, err)
            self.assertFalse((self.folder / "home" / "bad").exists())
        _, err = self.run_skipjack(*self.tune_arguments("bad", "--max-trials", 1, "--slurm-cpus", 2, backend="local"),
                                   expect=2)
        self.assertIn("--backend slurm", err)

    def test_interrupt_leaves_no_job(self):
        """Nor is one that waits in the queue said to run."""
        tuner = self.start(*self.tune_arguments("stop", "--workers", 6, "--max-trials", 9, "--slurm-cpus", 4,
                                                steps=1000))
        self.wait_until("reports", lambda: self.num_reports("stop") > 3)
        self.wait_until("a node each", lambda: "4 running, 2 queued" in self.run_skipjack("watch", "stop", "--once")[0])
        self.assertIn("6 trials: 4 running, 2 queued", self.run_skipjack("show", "stop")[0])
        self.assertEqual(json.loads(self.run_skipjack("show", "stop", "--json")[0])["queued"], 2)
        tuner.send_signal(signal.SIGINT)
        tuner.communicate(timeout=TIMEOUT)
        self.assertEqual(tuner.returncode, 130)
        self.check_no_job_left()


class Kill(Case):
    def test_killed_tuner_adopts_its_jobs(self):
        steps = 30
        tuner = self.start(*self.tune_arguments("k", "--workers", 4, "--max-trials", 6, steps=steps))
        self.wait_until("reports", lambda: self.num_reports("k") >= 8)
        tuner.kill()
        tuner.communicate()
        self.assertEqual(len(jobs()), 4)
        self.run_skipjack("resume", "k")
        trials = self.trials("k")
        self.check_whole(trials, 6, steps)
        self.assertEqual([trial["attempt"] for trial in trials], [0] * 6)
        self.check_no_job_left()

    def test_killed_again_and_again(self):
        steps = 20
        tuner = self.start(*self.tune_arguments("again", "--workers", 3, "--max-trials", 6, steps=steps))
        for _ in range(5):
            seen = self.num_reports("again")
            self.wait_until("news", lambda seen=seen, tuner=tuner: self.num_reports("again") > seen
                            or tuner.poll() is not None)
            tuner.kill()
            tuner.communicate()
            tuner = self.start("resume", "again")
        out, err = tuner.communicate(timeout=TIMEOUT)
        self.assertEqual(tuner.returncode, 0, err)
        trials = self.trials("again")
        self.check_whole(trials, 6, steps)
        self.check_no_job_left()


class Trouble(Case):
    def cluster(self, *arguments):
        folder = os.environ["SKIPJACK_SLURM_FOLDER"]
        subprocess.run([os.environ["SKIPJACK_SLURM_CLUSTER"], arguments[0], folder, *arguments[1:]], check=True)

    def test_node_down_and_controller_restarted(self):
        steps = 40
        tuner = self.start(*self.tune_arguments("t", "--workers", 4, "--max-trials", 5, "--slurm-cpus", 4, steps=steps))
        self.wait_until("all four run", lambda: self.num_reports("t") >= 12)
        self.cluster("controller-down")
        self.cluster("node-down", "n2")
        time.sleep(1)
        self.cluster("controller-up")
        out, err = tuner.communicate(timeout=TIMEOUT)
        self.cluster("node-up", "n2")
        self.assertEqual(tuner.returncode, 0, err)
        trials = self.trials("t")
        self.assertEqual([trial["status"] for trial in trials], ["completed"] * 5,
                         [trial.get("end") for trial in trials])
        # The lost one ran again from its checkpoint; its first attempt's reports don't count.
        self.assertEqual(sorted(trial["attempt"] for trial in trials), [0, 0, 0, 0, 1])
        for trial in trials:
            seen = [report["step"] for report in trial["reports"]]
            self.assertEqual(seen, list(range(seen[0], steps + 1)))
        self.check_no_job_left()


class Download(Case):
    def test_tuning_a_download_over_four_nodes(self):
        server = subprocess.Popen([SKIPJACK, "s3", "sim", "--object", "bench/obj=4MiB", "--port", "0", "--profile",
                                   "ec2-small", "--exit-with-parent"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        endpoint = next(found.group(0) for line in server.stdout if (found := re.search(r"http://\S+", line)))
        here = self.folder / "downloads"
        here.mkdir()
        self.environment["AWS_EC2_METADATA_DISABLED"] = "true"
        out, _ = self.run_skipjack("s3", "tune", "s3://bench/obj", "--endpoint-url", endpoint, "--no-sign-request",
                                   "--max-trials", 6, "--repeats", 2, "--method", "random", "--folder", here, "--name",
                                   "d", "--python", "/nonexistent/python", "--backend", "slurm", "--workers", 4)
        self.assertRegex(out, r"12 of 12 planned blocks, each row once a block in random order and on one node")
        self.assertRegex(out, r"Nodes: 4 of .* \(n1, n2, n3, n4\)")
        trials = self.trials("d")
        for trial in trials:
            # What is compared was measured on one node.
            self.assertEqual(len({report["node"]["name"] for report in trial["reports"]}), 1, trial)
        # Trials are ranked by what they took beside the baseline on their node, and not by seconds.
        out, _ = self.run_skipjack("show", "d")
        table = out[out.index("TRIAL  avg_download_time/baseline  avg_download_time  ON"):].splitlines()[1:7]
        ratios = [float(row.split()[1]) for row in table if row.strip()]
        self.assertEqual(ratios, sorted(ratios))
        self.assertRegex(table[0], r"n[1-4]: ")
        best = json.loads(self.run_skipjack("watch", "d", "--json")[0])["best"]
        self.assertEqual((best["metric"], best["trial_id"]), ("avg_download_time/baseline", int(table[0].split()[0])))
        self.assertIn("avg_download_time/baseline", self.run_skipjack("list")[0])
        picture = self.folder / "d.svg"
        self.run_skipjack("plot", "d", "-o", picture, "--metric", "avg_download_time/baseline")
        self.assertIn("avg", picture.read_text())
        self.assertEqual(list(here.iterdir()), [])
        self.check_no_job_left()

    def test_refusals(self):
        for more, words in ((("--slurm-cpus", 2), "--backend slurm"),
                            (("--backend", "slurm", "--save"), "leave out --save")):
            _, err = self.run_skipjack("s3", "tune", "s3://bench/obj", "--endpoint-url", "http://127.0.0.1:9",
                                       "--no-sign-request", "--python", "/nonexistent/python", *more, expect=2)
            self.assertIn(words, err)


class Submit(Case):
    def test_tuner_as_a_job_and_watch(self):
        out, _ = self.run_skipjack(*self.tune_arguments("s", "--workers", 2, "--max-trials", 3, "--submit",
                                                        "--submit-options", "--time=10"))
        self.assertIn("its tuner is job", out)
        self.wait_until("it begins", lambda: (self.folder / "home" / "s" / "snapshot.json").exists())
        out, err = self.run_skipjack("watch", "s")
        self.assertIn("3 trials", out)
        self.assertIn("ended by: max_trials_started", out)
        self.check_no_job_left()
        self.check_whole(self.trials("s"), 3, 3)
        self.assertIn("recommended", (self.folder / "home" / "s.tuner.log").read_text())

    def test_tuner_whose_job_is_requeued_goes_on(self):
        self.run_skipjack(*self.tune_arguments("r", "--workers", 2, "--max-trials", 3, "--submit", "--submit-options",
                                               "--requeue --time=10", steps=25))
        self.wait_until("reports", lambda: self.num_reports("r") > 3)
        number = subprocess.run(["squeue", "--me", "-h", "--name=skipjack-tuner-r", "--format=%i"], text=True,
                                capture_output=True).stdout.strip()
        subprocess.run(["scontrol", "requeue", number], check=True)

        def runs_again():
            state = subprocess.run(["squeue", "--me", "-h", f"--jobs={number}", "--format=%T"], text=True,
                                   capture_output=True).stdout.strip()
            return state == "RUNNING" and "REQUEUE" in (self.folder / "home" / "r.tuner.log").read_text()

        self.wait_until("it runs again", runs_again, seconds=90)
        self.run_skipjack("watch", "missing", expect=3)
        self.wait_until("it has ended", lambda: json.loads((self.folder / "home" / "r" / "snapshot.json").read_text())
                        .get("ended") == "max_trials_started", seconds=100)
        self.check_no_job_left()

    def test_refused(self):
        _, err = self.run_skipjack(*self.tune_arguments("x", "--max-trials", 3, "--submit", "--submit-options",
                                                        "--partition=nope"), expect=2)
        self.assertIn("Invalid partition name", err)


if __name__ == "__main__":
    SKIPJACK = sys.argv.pop(1)
    unittest.main(verbosity=2)
