#!/usr/bin/env python3
"""The scripts of examples/training under methods that stop, pause and resume trials, with four workers, killed and
resumed: training_test.py SKIPJACK FOLDER [TEST...]. What the scripts print without a tuner is the truth."""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SKIPJACK, EXAMPLES = None, None
TIMEOUT = 60
RESOURCE = {"logistic_regression": "epoch", "perceptron": "epoch", "two_weights": "step", "folds": "fold",
            "annealing": "sweep", "height": "step"}
METRIC = {"logistic_regression": "loss", "perceptron": "accuracy", "two_weights": "score", "folds": "error",
          "annealing": "length", "height": "loss"}
BEGAN_ANEW = "was resumed and began anew"


class Training(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skipjack-training-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *args):
        process = subprocess.Popen([SKIPJACK, "--experiments-dir", str(self.folder), *map(str, args)], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def run_skipjack(self, *args):
        process = self.start(*args)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, f"{args}\n{out}\n{err}")
        return out, err

    def arguments(self, script, method, *more, **options):
        options = {"resource_attr": RESOURCE[script], **options}
        flags = [word for key, value in options.items() for word in ("--method-option", f"{key}={value}")]
        return ["tune", EXAMPLES / f"{script}.yaml", "--name", "t", "--quiet", "--interpreter", sys.executable,
                "--method", method, *flags, *more]

    def trials(self):
        out, _ = self.run_skipjack("show", "t", "--json")
        return json.loads(out)["trials"]

    def checkpoints(self):
        """Numbers of the trials that have one."""
        return sorted(int(path.parent.name) for path in self.folder.glob("t/trials/*/checkpoints"))

    @staticmethod
    def alone(script, configuration):
        """Value by level when nobody interferes."""
        words = [word for key, value in configuration.items() for word in (f"--{key}", str(value))]
        run = subprocess.run([sys.executable, EXAMPLES / f"{script}.py", *words], capture_output=True, text=True,
                             check=True, timeout=TIMEOUT)
        reports = [json.loads(line.split(" ", 1)[1]) for line in run.stdout.splitlines()]
        return {report[RESOURCE[script]]: report[METRIC[script]] for report in reports}

    def check_curves(self, script, trials):
        """What trials reported in pieces is what they would have in one; nothing but the last level before a pause is
        said twice."""
        for trial in trials:
            truth = self.alone(script, trial["configuration"])
            levels = [report[RESOURCE[script]] for report in trial["reports"]]
            for report in trial["reports"]:
                self.assertEqual(report[METRIC[script]], truth[report[RESOURCE[script]]])
            self.assertEqual(sorted(set(levels)), list(range(1, len(set(levels)) + 1)))
            self.assertEqual(levels, sorted(levels))
            self.assertLessEqual(len(levels) - len(set(levels)), trial["attempt"])


class Promotion(Training):
    def test_resumed_trials_go_on_from_their_checkpoints(self):
        for script in ("logistic_regression", "perceptron"):
            with self.subTest(script=script):
                _, err = self.run_skipjack(*self.arguments(script, "asha", type="promotion"))
                self.assertNotIn(BEGAN_ANEW, err)
                trials = self.trials()
                self.assertEqual(len(trials), 12)
                resumed = [trial for trial in trials if trial["attempt"] > 0]
                self.assertGreaterEqual(len(resumed), 2)
                self.check_curves(script, resumed)
                # The number of epochs was raised rung by rung: nobody went on beyond what it was asked for.
                for trial in trials:
                    config = json.loads((self.folder / f"t/trials/{trial['trial_id']}/config.json").read_text())
                    asked = config["epochs"]
                    self.assertEqual(asked, {0: 1, 1: 3, 2: 9}[trial["attempt"]])
                    self.assertLessEqual(trial["reports"][-1][RESOURCE[script]], asked)
                self.run_skipjack("rm", "t", "--yes")

    def test_a_script_without_checkpoints_is_told_once_and_works(self):
        _, err = self.run_skipjack(*self.arguments("height", "asha", type="promotion"))
        self.assertEqual(err.count(BEGAN_ANEW), 1, err)
        self.assertIn("--st_checkpoint_dir", err)
        trials = self.trials()
        self.assertTrue(any(trial["attempt"] == 2 for trial in trials))
        for trial in trials[:3]:
            truth = self.alone("height", trial["configuration"])
            for report in trial["reports"]:
                self.assertEqual(report["loss"], truth[report["step"]])

    def test_checkpoints_are_removed_as_told(self):
        _, err = self.run_skipjack(*self.arguments("logistic_regression", "asha", "--max-checkpoints", 2,
                                                   type="promotion"))
        self.assertNotIn(BEGAN_ANEW, err)
        self.assertLessEqual(len(self.checkpoints()), 2)
        self.assertEqual(len(self.trials()), 12)
        self.run_skipjack("rm", "t", "--yes")
        self.run_skipjack(*self.arguments("logistic_regression", "asha", "--delete-checkpoints", type="promotion"))
        done = [trial["trial_id"] for trial in self.trials() if trial["reports"][-1]["epoch"] == 9]
        self.assertTrue(done)
        kept = self.checkpoints()
        self.assertTrue(kept)
        self.assertFalse(set(done) & set(kept))


class Killed(Training):
    def num_reports(self):
        return sum(path.read_text().count("[tune-metric]") for path in self.folder.glob("t/trials/*/std.out"))

    def kill_and_resume(self, script, method, *more, **options):
        process = self.start(*self.arguments(script, method, *more, **options))
        until = time.monotonic() + TIMEOUT
        kills = 0
        for reports in (8, 16):
            while self.num_reports() < reports and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
            process = self.start("resume", "t", "--quiet")
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertGreaterEqual(kills, 1)
        return self.trials()

    def test_promotion(self):
        trials = self.kill_and_resume("logistic_regression", "asha", type="promotion")
        self.assertEqual(len(trials), 12)
        self.assertNotIn("failed", [trial["status"] for trial in trials])
        for trial in [trial for trial in trials if trial["attempt"] > 0]:
            truth = self.alone("logistic_regression", trial["configuration"])
            for report in trial["reports"]:
                self.assertEqual(report["loss"], truth[report["epoch"]])

    def test_population(self):
        trials = self.kill_and_resume("two_weights", "pbt", "--max-trials", 30, population_size=4,
                                      perturbation_interval=4)
        self.assertNotIn("failed", [trial["status"] for trial in trials])

    def test_median_stopping(self):
        trials = self.kill_and_resume("annealing", "median_stopping")
        self.assertEqual(len(trials), 12)
        self.assertNotIn("failed", [trial["status"] for trial in trials])


class Others(Training):
    def test_a_population_goes_on_from_the_checkpoints_of_its_best(self):
        self.run_skipjack(*self.arguments("two_weights", "pbt", "--max-trials", 30, population_size=4,
                                          perturbation_interval=4))
        trials = self.trials()
        children = [trial for trial in trials if "checkpoint_from" in trial]
        self.assertTrue(children)
        for child in children:
            if child["reports"]:  # the end of the tuning may have come before
                self.assertGreaterEqual(child["reports"][0]["step"], 4)

    def test_median_stopping_ends_the_worse_half(self):
        self.run_skipjack(*self.arguments("annealing", "median_stopping", "--max-trials", 16))
        trials = self.trials()
        stopped = [trial for trial in trials if trial["status"] == "stopped"]
        completed = [trial for trial in trials if trial["status"] == "completed"]
        self.assertEqual(len(stopped) + len(completed), 16)
        self.assertTrue(stopped)
        self.assertTrue(completed)
        self.check_curves("annealing", completed[:3])

    def test_what_compresses_slowly_is_foreseen_and_stopped(self):
        self.run_skipjack("tune", EXAMPLES / "compress.yaml", "--name", "t", "--quiet", "--interpreter",
                          sys.executable, "--max-trials", 20)
        trials = self.trials()
        completed = [trial for trial in trials if trial["status"] == "completed"]
        stopped = [trial for trial in trials if trial["status"] == "stopped"]
        self.assertTrue(completed)
        self.assertTrue(stopped)
        for trial in completed:
            self.assertEqual(trial["reports"][-1]["progress"], 1)
        # Of a trial that is told to end the last report may still come.
        self.assertTrue(any(trial["reports"] and trial["reports"][-1]["progress"] < 1 for trial in stopped))

    def test_wrong_progress_is_named(self):
        script = self.folder / "wrong.py"
        script.write_text("print('[tune-metric]: {\"progress\": 1.2, \"seconds\": 3}')\n")
        experiment = self.folder / "wrong.yaml"
        experiment.write_text("{entry_point: wrong.py, space: {x: 'uniform(0, 1)'}, metric: seconds, metric_kind: time, "
                              "method: progress_bayesopt, max_trials: 3}\n")
        process = self.start("tune", experiment, "--name", "t", "--interpreter", sys.executable)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 2, err)
        self.assertIn("trial 0 reports progress = 1.2, which is above max_progress = 1.0", err)

    def test_every_example_runs_as_it_is(self):
        for script in [*RESOURCE, "compress"]:
            self.run_skipjack("tune", EXAMPLES / f"{script}.yaml", "--name", script.replace("_", "-"), "--quiet",
                              "--interpreter", sys.executable, "--max-trials", 2)


if __name__ == "__main__":
    SKIPJACK, EXAMPLES = sys.argv[1], pathlib.Path(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
