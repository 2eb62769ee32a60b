"""skipjack tune: programs of trials, what ends a tuning, constraints, several objectives."""
import json
import os
import sys
import time

from cli_case import SPACE, Case, main


class Tune(Case):
    def test_worker_in_syne_tune_style_runs_unmodified(self):
        out, err = self.tune("--max-trials", "6", "--workers", "2")
        self.assertIn("6 trials: 6 completed", out)
        self.assertIn("recommended (trial", out)
        self.assertIn("best single value: loss", out)
        for command in ("skipjack show t", "skipjack plot t", "skipjack resume t"):
            self.assertIn(command, out)
        self.assertIn("the best so far", err)

    def test_csv_has_syne_tunes_columns(self):
        self.tune("--max-trials", "3")
        rows = self.rows()
        self.assertEqual(len(rows), 6)
        self.assertEqual(list(rows[0])[:12],
                         ["epoch", "loss", "st_worker_timestamp", "st_worker_time", "st_worker_iter", "st_decision",
                          "st_status", "trial_id", "config_x", "config_units", "config_epochs", "st_tuner_time"])
        self.assertEqual({row["trial_id"] for row in rows}, {"0", "1", "2"})
        for row in rows:
            expected = (float(row["config_x"]) - 0.3) ** 2 + abs(int(row["config_units"]) - 64) / 1000 + 1 / int(row["epoch"])
            self.assertAlmostEqual(float(row["loss"]), expected)

    def test_first_trial_is_the_middle_of_the_space(self):
        self.tune("--max-trials", "1")
        self.assertEqual((self.rows()[0]["config_x"], self.rows()[0]["config_units"]), ("0.5", "91"))

    def test_points_to_evaluate_come_first(self):
        points = self.write("points.json", '[{"x": 0.25, "units": 32}, {"x": 0.75}]')
        self.tune("--max-trials", "3", "--points-to-evaluate", points)
        first = {row["trial_id"]: row["config_x"] for row in self.rows()}
        self.assertEqual((first["0"], first["1"]), ("0.25", "0.75"))

    def test_experiment_file_is_the_same_as_flags(self):
        self.tune("--max-trials", "4", "--seed", "5")
        self.write("experiment.yaml", "name: from-file\nentry_point: worker.py\nmetric: loss\nmethod: random\n"
                   f"seed: 5\nmax_trials: 4\ninterpreter: {sys.executable}\nspace:\n  x: uniform(0, 1)\n"
                   "  units: lograndint(16, 512)\n  epochs: 2\n")
        self.run_skipjack("tune", "experiment.yaml")
        self.assertEqual([row["config_x"] for row in self.rows("from-file")], [row["config_x"] for row in self.rows()])

    def test_template_passes_arguments_whole(self):
        worker = self.write("worker.sh", "#!/bin/sh\n[ $# = 2 ] || exit 3\n[ \"$1\" = 'two words' ] || exit 4\n"
                            "echo \"[tune-metric]: {\\\"loss\\\": ${2#--x=}}\"\n", 0o755)
        self.write("space.yaml", "x: uniform(0, 1)\n")
        out, _ = self.run_skipjack("tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric",
                                   "loss", "--max-trials", "2", "--name", "t", "--method", "random", "--template",
                                   "'two words' --x={x}")
        self.assertIn("2 trials: 2 completed", out)

    def test_trials_are_bound_to_their_processors(self):
        usable = sorted(os.sched_getaffinity(0))[:2]
        self.write("meet.py", """
import json, os, pathlib, sys, time
mine = sorted(os.sched_getaffinity(0))
trial = pathlib.Path(sys.argv[sys.argv.index("--st_checkpoint_dir") + 1]).parent
(trial / "here").touch()
limit = time.monotonic() + 20  # until all of the first ones run: then their processors differ
while len(list(trial.parent.glob("*/here"))) < int(os.environ["WORKERS"]) and time.monotonic() < limit:
    time.sleep(0.01)
print("[tune-metric]: " + json.dumps({"loss": 1, "cpus": mine}), flush=True)
""")
        self.run_skipjack("tune", "--entry-point", "meet.py", "--space", self.write("space.yaml", SPACE), "--metric",
                          "loss", "--method", "random", "--name", "t", "--interpreter", sys.executable, "--env",
                          f"WORKERS={len(usable)}", "--workers", len(usable), "--max-trials", len(usable), "--cpus",
                          ",".join(map(str, usable)), "--cpus-per-trial", 1)
        shown = json.loads(self.run_skipjack("show", "t", "--json")[0])
        bound = [trial["reports"][0]["cpus"] for trial in shown["trials"]]
        self.assertEqual(sorted(bound), [[cpu] for cpu in usable])
        line = self.fails(2, "tune", "--entry-point", "meet.py", "--space", self.folder / "space.yaml", "--metric",
                          "loss", "--max-trials", 1, "--cpus", "1022")
        self.assertIn("1022", line)

    def test_failed_trials_are_data(self):
        worker = self.write("worker.py", "import sys\nif float(sys.argv[2]) > 0.5: sys.exit('too large')\n"
                            "print('[tune-metric]: {\"loss\": %s}' % sys.argv[2])\n")
        self.write("space.yaml", "x: uniform(0, 1)\n")
        out, err = self.run_skipjack("tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric",
                                     "loss", "--max-trials", "12", "--name", "t", "--method", "sobol",
                                     "--interpreter", sys.executable)
        self.assertIn("failed", out)
        self.assertIn("too large", err)
        rows = self.rows()
        self.assertEqual(len(rows), 12)
        for row in rows:
            self.assertEqual(row["st_status"], "Failed" if float(row["config_x"]) > 0.5 else "Completed")

    def test_values_that_are_no_numbers_are_called_that(self):
        worker = self.write("worker.py", "print('[tune-metric]: {\"loss\": NaN}')\n")
        self.write("space.yaml", "x: uniform(0, 1)\n")
        line = self.fails(11, "tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric", "loss",
                          "--max-trials", "2", "--interpreter", sys.executable)
        self.assertIn("trial 1: its 'loss' is not finite", line)

    def test_failures_that_are_allowed_are_allowed_at_first_too(self):
        worker = self.write("worker.py", "import sys\nsys.exit('infeasible')\n")
        self.write("space.yaml", "x: uniform(0, 1)\n")
        out, _ = self.run_skipjack("tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric",
                                   "loss", "--max-failures", "6", "--max-trials", "20", "--name", "t", "--method",
                                   "random", "--interpreter", sys.executable, expect=1)
        self.assertIn("7 trials: 7 failed", out)

    def test_failed_run_can_be_resumed(self):
        worker = self.write("worker.py", "import sys\nsys.exit('no data yet')\n")
        self.write("space.yaml", "x: uniform(0, 1)\n")
        self.run_skipjack("tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric", "loss",
                          "--max-trials", "12", "--name", "t", "--method", "random", "--interpreter", sys.executable,
                          expect=11)
        self.assertRegex(self.run_skipjack("list")[0], r"t +failed")
        _, err = self.run_skipjack("resume", "t", expect=11)
        # Of the trials that failed before, the run before has told.
        self.assertNotIn("trial 0 failed", err)
        self.assertIn("trial 5 failed", err)
        self.assertIn("the first 5 trials of this run all failed; trial 9: ", err)

    def test_max_time_ends_it(self):
        worker = self.write("worker.py", "import time\nprint('[tune-metric]: {\"loss\": 1}', flush=True)\ntime.sleep(0.1)\n")
        self.write("space.yaml", "x: uniform(0, 1)\n")
        start = time.monotonic()
        out, _ = self.run_skipjack("tune", "--entry-point", worker, "--space", self.folder / "space.yaml", "--metric",
                                   "loss", "--max-time", "2s", "--name", "t", "--method", "random",
                                   "--interpreter", sys.executable)
        self.assertIn("max_time", out)
        self.assertLess(time.monotonic() - start, 30)

    def write_square(self, more):
        """Two parameters, two metrics, the smaller loss where memory is larger."""
        self.write("square.py", "import json, sys\nargs = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
                   "x, y = float(args['--x']), float(args['--y'])\n"
                   "print('[tune-metric]: ' + json.dumps({'loss': (1 - x) ** 2 + y, 'memory': 100 * x}), flush=True)\n")
        return self.write("square.yaml", "name: square\nentry_point: square.py\nmax_trials: 16\nseed: 3\n"
                          f"interpreter: {sys.executable}\nspace:\n  x: uniform(0, 1)\n  y: uniform(0, 1)\n"
                          "pass_by: arguments\n" + more)

    def test_constraint_is_kept(self):
        file = self.write_square("metric: loss\nconstraints: [memory <= 60]\n")
        out, _ = self.run_skipjack("tune", file)
        self.assertRegex(out, r"satisfies the constraints with probability \d+ %")
        shown = json.loads(self.run_skipjack("show", "square", "--json")[0])
        self.assertGreaterEqual(shown["recommended"]["probability_feasible"], 0.5)
        self.assertLessEqual(shown["recommended"]["configuration"]["x"], 0.62)
        self.assertLessEqual(shown["best_single_value"]["configuration"]["x"], 0.6)
        self.assertIn({"name": "memory", "mode": "min", "role": "constraint", "kind": "plain", "bound": 60},
                      shown["definition"]["metrics"])
        losses = [float(row["loss"]) for row in self.rows("square")]
        self.assertLess(min(losses), shown["best_single_value"]["value"])  # smaller, but not allowed
        text, _ = self.run_skipjack("show", "square")
        self.assertRegex(text, r"TRIAL +loss +memory +x +y")
        self.assertIn("finished already", self.run_skipjack("resume", "square")[0])
        self.run_skipjack("resume", "square", "--max-trials", "+2")
        self.assertEqual(len(self.rows("square")), 18)

    def test_constraint_nothing_satisfies(self):
        file = self.write_square("metric: loss\nmethod: random\n")
        out, _ = self.run_skipjack("tune", file, "--constraint", "memory <= -1")
        self.assertIn("no configuration is likely to satisfy the constraints; this one is the closest", out)

    def test_constraint_that_is_not_reported_fails_the_trial(self):
        file = self.write_square("metric: loss\nmethod: random\nconstraints: [power <= 60]\n")
        _, err = self.run_skipjack("tune", file, expect=11)
        self.assertIn("reported no metric 'power'", err)

    def test_two_objectives_give_a_front(self):
        file = self.write_square("objectives: [loss, memory]\nmethod: mo_bayesopt\n")
        out, _ = self.run_skipjack("tune", file)
        self.assertRegex(out, r"the front, \d+ trials that no other is better than:\nTRIAL +loss +memory +x +y")
        shown = json.loads(self.run_skipjack("show", "square", "--json")[0])
        self.assertNotIn("recommended", shown)
        values = {int(row["trial_id"]): (float(row["loss"]), float(row["memory"])) for row in self.rows("square")}
        front = {i for i, a in values.items()
                 if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in values.values())}
        self.assertGreater(len(front), 2)
        self.assertEqual({member["trial_id"] for member in shown["front"]}, front)
        self.assertEqual(out.count("\n", out.index("TRIAL"), out.index("results: ")), len(front) + 1)
        for member in shown["front"]:
            self.assertEqual((member["values"]["loss"], member["values"]["memory"]), values[member["trial_id"]])
        self.assertIn(f"front of {len(front)}", self.run_skipjack("list")[0])

    def test_methods_that_take_several_objectives(self):
        for method in ("random_scalarization", "linear_scalarization"):
            out, _ = self.run_skipjack("tune", self.write_square(""), "--objective", "loss", "--objective",
                                       "memory min", "--method", method, "--max-trials", "8", "--name",
                                       method.replace("_", "-"))
            self.assertIn("the front, ", out)
        self.assertIn("exactly one objective", self.fails(2, "tune", self.write_square("objectives: [loss, memory]\n")))

    def test_methods_all_run(self):
        for method in ("random", "grid", "sobol", "bayesopt", "cost_aware_bayesopt"):
            name = method.replace("_", "-")
            self.tune("--max-trials", "7", "--method", method, name=name)
            self.assertEqual(len({row["trial_id"] for row in self.rows(name)}), 7)


if __name__ == "__main__":
    main()
