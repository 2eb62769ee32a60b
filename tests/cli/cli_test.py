#!/usr/bin/env python3
"""The real program, run as people run it: cli_test.py SKIPJACK [CLASS...]. Each test has its own folder
and its own SKIPJACK_HOME. Listens on the loopback only, on ports that the system chooses."""
import csv
import hashlib
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
import xml.dom.minidom

SKIPJACK = None
TIMEOUT = 60

# A worker in Syne Tune's style: argparse, a Reporter's lines, flushed.
WORKER = """
import argparse, json, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--units", type=int, required=True)
parser.add_argument("--epochs", type=int, default=2)
args, _ = parser.parse_known_args()
start = time.perf_counter()
for epoch in range(1, args.epochs + 1):
    loss = (args.x - 0.3) ** 2 + abs(args.units - 64) / 1000 + 1 / epoch
    print("[tune-metric]: " + json.dumps({"epoch": epoch, "loss": loss, "st_worker_timestamp": time.time(),
          "st_worker_time": time.perf_counter() - start, "st_worker_iter": epoch - 1}))
    sys.stdout.flush()
"""
SPACE = "x: uniform(0, 1)\nunits: lograndint(16, 512)\nepochs: 2\n"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skipjack-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("AWS_", "SKIPJACK_", "XDG_"))}
        self.environment.update(SKIPJACK_HOME=str(self.folder / "home"), HOME=str(self.folder), LC_ALL="C.UTF-8",
                                AWS_EC2_METADATA_DISABLED="true")

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def start(self, *args, **kwargs):
        process = subprocess.Popen([SKIPJACK, *map(str, args)], cwd=self.folder, env=self.environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def run_skipjack(self, *args, expect=0):
        process = self.start(*args)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, expect, f"{args}\n{out}\n{err}")
        return out, err

    def fails(self, code, *args):
        """The one line that says why."""
        out, err = self.run_skipjack(*args, expect=code)
        lines = [line for line in err.splitlines() if line.startswith("skipjack: ")]
        self.assertEqual(len(lines), 1, err)
        self.assertEqual(err.splitlines()[-1], lines[0])
        return lines[0]

    def tune(self, *args, expect=0, name="t"):
        return self.run_skipjack("tune", "--entry-point", self.write("worker.py", WORKER), "--space",
                                 self.write("space.yaml", SPACE), "--metric", "loss", "--method", "random",
                                 "--name", name, "--interpreter", sys.executable, *args, expect=expect)

    def rows(self, name="t"):
        out, _ = self.run_skipjack("export", name, "--format", "csv")
        return list(csv.DictReader(out.splitlines()))


class Help(Case):
    def test_every_command_explains_itself(self):
        for command in ([], ["tune"], ["s3"], ["s3", "get"], ["s3", "put"], ["s3", "cp"],
                        ["s3", "ls"], ["s3", "rm"], ["s3", "sim"], ["list"], ["show"], ["resume"],
                        ["export"], ["plot"], ["rm"], ["methods"], ["bench"], ["bench", "search"], ["bench", "transfer"]):
            out, err = self.run_skipjack(*command, "--help")
            self.assertIn("Usage", out)
            self.assertEqual(err, "")

    def test_help_lists_exit_codes_and_where_experiments_are(self):
        out, _ = self.run_skipjack("--help")
        self.assertIn("130 interrupted", out)
        self.assertIn("SKIPJACK_HOME", out)

    def test_version_is_one_line(self):
        out, _ = self.run_skipjack("--version")
        self.assertRegex(out, r"\Askipjack \d+\.\d+\.\d+\n\Z")


class Methods(Case):
    PAGES = pathlib.Path(__file__).resolve().parents[2]

    def test_every_method_is_listed_once_and_explained(self):
        out, _ = self.run_skipjack("methods", "--json")
        rows = json.loads(out)
        listed, _ = self.run_skipjack("methods")
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
        self.assertEqual(sorted(names), sorted(row["name"] for row in rows))
        for row in rows:
            self.assertTrue((self.PAGES / row["page"]).is_file(), row["page"])
            text, _ = self.run_skipjack("methods", row["name"])
            self.assertIn(row["description"], text)
            for option in row["options"]:
                self.assertIn("\n" + option["key"] + " ", text)

    def test_an_alias_is_the_method(self):
        for flags in ((), ("--json",)):
            self.assertEqual(self.run_skipjack("methods", "TPE", *flags), self.run_skipjack("methods", "tpe", *flags))

    def test_defaults_are_those_of_the_struct(self):
        out, _ = self.run_skipjack("methods", "bore", "--json")
        self.assertEqual({option["key"]: option["default"] for option in json.loads(out)["options"]}["gamma"], 0.25)
        out, _ = self.run_skipjack("methods", "mo_bayesopt")
        self.assertIn("at least two objectives", out)

    def test_tune_points_there(self):
        out, _ = self.run_skipjack("tune", "--help")
        self.assertIn("skipjack methods NAME", out)

    def test_unknown_name(self):
        self.assertIn("bayesopt", self.fails(2, "methods", "magic"))


class BadFlags(Case):
    def test_no_command(self):
        self.assertIn("--help", self.fails(2))

    def test_unknown_flag_names_it(self):
        self.assertIn("--wat", self.fails(2, "list", "--wat"))

    def test_missing_name(self):
        self.assertIn("skipjack show --help", self.fails(2, "show"))

    def test_unknown_experiment(self):
        for command in (["show"], ["resume"], ["export"], ["plot", "-o", "x.svg"], ["rm", "--yes"]):
            self.assertIn("nope", self.fails(3, command[0], "nope", *command[1:]))

    def test_name_that_leaves_the_folder(self):
        self.assertIn("..", self.fails(2, "rm", "--yes", "../x"))

    def test_plot_format(self):
        self.assertIn(".svg", self.fails(2, "plot", "t", "-o", "x.gif"))

    def test_transfer_config_out_of_range(self):
        self.assertIn("max_concurrency = 0 must be >= 1", self.fails(2, "s3", "get", "s3://bench/k", "--max-concurrency", "0"))
        self.assertIn("--multipart-chunksize", self.fails(2, "s3", "get", "s3://bench/k", "--multipart-chunksize", "big"))

    def test_source_that_is_no_object(self):
        self.fails(2, "s3", "get", "http://b/k")
        self.fails(2, "s3", "get", "s3://bucket")

    def test_destination_together_with_discard(self):
        self.assertIn("--to discard", self.fails(2, "s3", "get", "s3://bench/k", "file", "--to", "discard"))

    def test_config_file_with_unknown_key(self):
        self.assertIn("chunks", self.fails(2, "s3", "get", "s3://bench/k", "--config", self.write("c.json", '{"chunks": 1}')))

    def test_unknown_profile_lists_the_names(self):
        self.assertIn("ec2-small", self.fails(2, "s3", "sim", "--profile", "nope", "--port", "0"))


class BadTunings(Case):
    def fails_to_tune(self, code, space=SPACE, entry_point=None, *args):
        entry_point = entry_point or self.write("worker.py", WORKER)
        return self.fails(code, "tune", "--entry-point", entry_point, "--space", self.write("space.yaml", space),
                          "--metric", "loss", "--max-trials", "2", "--method", "random", "--name", "t",
                          "--interpreter", sys.executable, *args)

    def test_lower_above_upper(self):
        line = self.fails_to_tune(2, "x: uniform(2, 1)\n")
        self.assertIn("x", line)
        self.assertIn("space.yaml", line)

    def test_missing_entry_point(self):
        self.assertIn("gone.py", self.fails_to_tune(3, SPACE, str(self.folder / "gone.py")))
        self.assertEqual(self.run_skipjack("list")[0].count("\n"), 1)

    def test_entry_point_that_is_not_executable(self):
        self.assertIn("worker.sh", self.fails_to_tune(2, SPACE, self.write("worker.sh", "#!/bin/sh\n")))

    def test_unknown_method_lists_the_names(self):
        self.assertIn("random", self.fails_to_tune(2, SPACE, None, "--method", "magic"))

    def test_bad_values(self):
        self.assertIn("workers = 0", self.fails_to_tune(2, SPACE, None, "--workers", "0"))
        self.assertIn("--workers", self.fails_to_tune(2, SPACE, None, "--workers", "two"))
        self.assertIn("max_time", self.fails_to_tune(2, SPACE, None, "--max-time", "soon"))
        self.assertIn("mode", self.fails_to_tune(2, SPACE, None, "--mode", "best"))
        self.assertIn("'a b'", self.fails_to_tune(2, SPACE, None, "--name", "a b"))

    def test_missing_space_file(self):
        self.assertIn("gone.yaml", self.fails(3, "tune", "--entry-point", self.write("worker.py", WORKER), "--space",
                                              "gone.yaml", "--metric", "loss", "--max-trials", "1"))

    def test_nothing_would_end_it(self):
        self.assertIn("--max-time", self.fails(2, "tune", "--entry-point", self.write("worker.py", WORKER), "--space",
                                               self.write("space.yaml", SPACE), "--metric", "loss"))

    def test_metric_never_reported(self):
        line = self.fails(11, "tune", "--entry-point", self.write("worker.py", WORKER), "--space",
                          self.write("space.yaml", SPACE), "--metric", "accuracy", "--max-trials", "8", "--method",
                          "random", "--name", "t", "--interpreter", sys.executable)
        self.assertIn("accuracy", line)

    def test_metric_never_reported_in_few_trials(self):
        line = self.fails_to_tune(11, SPACE, self.write("worker.py", "print('[tune-metric]: {\"los\": 1}')\n"))
        self.assertIn("'loss', only los", line)

    def test_constraints_that_nothing_satisfies_leave_no_experiment(self):
        self.assertIn("constraints", self.fails_to_tune(2, "x: uniform(0, 1)\nconstraints: [x > 2]\n"))
        self.assertEqual(self.run_skipjack("list")[0].count("\n"), 1)

    def test_template_that_is_missing(self):
        self.assertIn("--template", self.fails_to_tune(2, SPACE, None, "--pass-by", "template"))

    def test_every_trial_crashes(self):
        worker = self.write("crash.py", "import sys\nsys.exit('the data set is missing')\n")
        self.assertIn("the data set is missing", self.fails_to_tune(11, SPACE, worker, "--max-trials", "20"))

    def test_warm_start_from_what_is_not_there(self):
        self.assertIn("'gone'", self.fails_to_tune(3, SPACE, None, "--method", "bayesopt", "--warm-start-from", "gone"))
        self.assertIn("empty name", self.fails_to_tune(2, SPACE, None, "--warm-start-from", "a,,b"))

    def test_warm_start_by_method_that_cannot(self):
        self.tune("--max-trials", "3", name="before")
        self.assertIn("bayesopt", self.fails_to_tune(2, SPACE, None, "--warm-start-from", "before"))

    def test_name_already_taken(self):
        self.tune("--max-trials", "1")
        before = self.rows()
        self.assertIn("'t'", self.fails_to_tune(4))
        self.assertEqual(self.rows(), before)

    def test_folder_that_cannot_be_written(self):
        self.write("file", "")
        line = self.fails_to_tune(3, SPACE, None, "--experiments-dir", str(self.folder / "file" / "home"))
        self.assertIn("file", line)

    def test_journal_from_a_newer_version(self):
        import sqlite3
        self.tune("--max-trials", "1")
        journal = self.folder / "home" / "t" / "journal.sqlite"
        with sqlite3.connect(journal) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
        before = hashlib.sha256(journal.read_bytes()).hexdigest()
        for command in ("show", "resume", "export"):
            self.assertIn("99", self.fails(9, command, "t"))
        self.assertEqual(hashlib.sha256(journal.read_bytes()).hexdigest(), before)
        self.assertIn("unreadable", self.run_skipjack("list")[0])

    def test_journal_that_is_garbage(self):
        self.tune("--max-trials", "1")
        (self.folder / "home" / "t" / "journal.sqlite").write_bytes(b"not a database" * 100)
        self.assertIn("t", self.fails(8, "show", "t"))
        self.tune("--max-trials", "1", name="u")
        out, _ = self.run_skipjack("list")
        self.assertRegex(out, r"u +finished +1")
        self.assertRegex(out, r"t +unreadable")


class Bench(Case):
    TABLE = "tiny 2 6\n3 0 2 1\n0 0 1 1\n0 1 2 2 4\n1 0 1 5\n1 1 1 6\n2 0 1 7\n2 1 1 9\n"

    def bench(self, *args, expect=0):
        return self.run_skipjack("bench", "search", *args, expect=expect)

    def table(self, name="tiny", text=None):
        return self.write(name + ".txt", text or self.TABLE.replace("tiny", name))

    def test_used_up_table_has_regret_zero(self):
        out, _ = self.bench("--table", self.table(), "--method", "random", "sobol", "--seeds", 3, "--evals", 6,
                            "--json", "out.json")
        for line in out.splitlines()[1:3]:
            self.assertEqual(line.split()[2], "0.0000")
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(report["problems"]["tiny"]["random"]["regret_6"], [0.0, 0.0, 0.0])
        self.assertEqual(report["settings"]["evaluations"], 6)
        self.assertEqual(report["comparisons"]["sobol"]["over_problems"]["p_smaller"], 1.0)

    def test_same_seeds_give_the_same_figures_whatever_the_jobs(self):
        def regrets(jobs):
            self.bench("--function", "bbob:f1,f8-f9", "--dimension", "2,3", "--noise", "none,severe", "--method",
                       "random", "--evals", 12, "--seeds", 2, "--workers", 3, "--jobs", jobs, "--json", "out.json")
            problems = json.loads((self.folder / "out.json").read_text())["problems"]
            return {name: methods["random"]["regret_12"] for name, methods in problems.items()}
        one = regrets(1)
        self.assertEqual(len(one), 12)
        self.assertIn("bbob_f9_d3_gauss_severe", one)
        self.assertEqual(one, regrets(2))

    def test_tables_of_times_are_measured_in_seconds(self):
        out, _ = self.bench("--table", self.table("kt_tiny"), "--method", "random", "--seeds", 1, "--evals", 6)
        row = out.splitlines()[1].split()
        self.assertLess(abs(float(row[-3]) - 0.030), 0.0021)  # 1 + (2 or 4) + 5 + 6 + 7 + 9 ms
        self.assertEqual(row[-1], "100%")
        out, _ = self.bench("--table", self.table(), "--time-unit", "1s", "--method", "random", "--seeds", 1,
                            "--evals", 6)
        self.assertLess(abs(float(out.splitlines()[1].split()[-3]) - 30), 2.1)

    def test_capped_runs_take_less_time(self):
        # 1 ms or 100 ms: what is slow is stopped near 1.2 ms once the fast one is known.
        rows = "".join(f"{i} 1 {1 if i == 0 else 100}\n" for i in range(12))
        table = self.table("kt_two", "kt_two 1 12\n12 0\n" + rows)
        def seconds(*flags):
            out, _ = self.bench("--table", table, "--method", "random", "--seeds", 4, "--evals", 12, *flags)
            return float(out.splitlines()[1].split()[-3])
        self.assertLess(seconds("--cap"), 0.9 * seconds())

    def test_options_of_one_method_and_of_all(self):
        out, _ = self.bench("--table", self.table(), "--method", "random", "random:allow_duplicates=true", "grid",
                            "--method-option", "shuffle_config=false", "--seeds", 1, "--evals", 20)
        again = {line.split()[1]: float(line.split()[-6]) for line in out.splitlines()[1:4]}
        self.assertEqual(again["random"], 0)
        self.assertEqual(again["random:allow_duplicates=true"], 14)

    CURVES = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "data" / "curves" / "lcbench_7593.gz")

    def test_learning_curves_are_searched_over_time(self):
        out, _ = self.bench("--curves", self.CURVES, "--gaps", "forest", "--method", "asha", "random", "--seeds", 2,
                            "--evals", 10, "--workers", 2, "--stop-delay", "1s", "--failures", "0.5", "--start", "midpoint",
                            "--json", "out.json")
        header = out.splitlines()[0].split()
        self.assertEqual(header[2:8], ["t=10%", "t=25%", "t=50%", "t=75%", "t=100%", "anytime"])
        stopped, _, failed = map(float, out.splitlines()[1].split()[11:14])
        self.assertGreater(stopped, 10)
        self.assertGreater(failed, 0)
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual([method["start"] for method in report["settings"]["methods"]], ["midpoint", "midpoint"])
        problem = report["problems"]["curves_7593"]
        self.assertEqual([len(moments) for moments in problem["asha"]["moments"]], [20, 20])
        self.assertAlmostEqual(sum(problem["random"]["moments"][0]) / 20, problem["random"]["anytime_regret"][0])

    def test_problems_with_and_without_levels_do_not_mix(self):
        self.assertIn("measured by different things",
                      self.fails(2, "bench", "search", "--curves", self.CURVES, "--table", self.table()))
        self.assertIn("looks at levels", self.fails(2, "bench", "search", "--table", self.table(), "--method", "asha"))

    def test_what_is_wrong_is_named(self):
        table = self.table()
        self.assertIn("--table", self.fails(2, "bench", "search"))
        self.assertIn("no such", self.fails(3, "bench", "search", "--table", "no such"))
        self.assertIn("row 1", self.fails(8, "bench", "search", "--table", self.table("bad", "bad 1 2\n2 0\n0 1 1\n")))
        self.assertIn("f25", self.fails(2, "bench", "search", "--function", "bbob:f25"))
        self.assertIn("nosuch", self.fails(2, "bench", "search", "--table", table, "--method", "nosuch"))
        self.assertIn("'wat'", self.fails(2, "bench", "search", "--table", table, "--method-option", "wat=1"))
        self.assertIn("twice", self.fails(2, "bench", "search", "--table", table, table))
        self.assertIn("--time-unit", self.fails(2, "bench", "search", "--table", table, "--time-unit", "0s"))


class BenchTransfer(Case):
    SURROGATE = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "data" / "lcbench" / "surrogate.gz")

    def test_says_what_warm_starts_gain(self):
        out, _ = self.run_skipjack("bench", "transfer", self.SURROGATE, "--cases", "1", "--seeds", "1", "--evals", "20",
                                   "--source-evals", "10", "--sources", "1,negated", "--json", "out.json")
        self.assertIn("evaluations to cold's regret after 20", out)
        self.assertIn("negated_lcbench", out)
        cases = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(list(cases), ["1", "negated"])
        case, = cases["1"].values()
        self.assertEqual([len(curve) for curve in case["warm"]], [20])

    def test_refusals(self):
        self.assertIn("--sources = 'many'", self.fails(2, "bench", "transfer", self.SURROGATE, "--sources", "many"))
        self.assertIn("num_sources = 17", self.fails(2, "bench", "transfer", self.SURROGATE, "--sources", "17"))
        self.assertIn("num_seeds = 0", self.fails(2, "bench", "transfer", self.SURROGATE, "--seeds", "0"))


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


class Experiments(Case):
    def test_resume_takes_no_keys_for_what_is_not_on_s3(self):
        self.tune("--max-trials", "1")
        line = self.fails(2, "resume", "t", "--max-trials", "+1", "--access-key", "a", "--secret-key", "b")
        self.assertIn("--access-key", line)

    def test_life_of_an_experiment(self):
        self.assertIn("no experiments", self.run_skipjack("list")[0])
        self.tune("--max-trials", "3")
        out, _ = self.run_skipjack("list")
        self.assertRegex(out, r"t +finished +3 +loss [0-9.]+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
        out, _ = self.run_skipjack("show", "t")
        self.assertIn("x: uniform(0", out)
        shown = json.loads(self.run_skipjack("show", "t", "--json")[0])
        self.assertEqual((shown["status"], len(shown["trials"])), ("finished", 3))
        self.assertEqual(shown["best_single_value"]["value"], min(t["reports"][-1]["loss"] for t in shown["trials"]))

        out, _ = self.run_skipjack("resume", "t")
        self.assertIn("has finished already", out)
        before = self.rows()
        self.run_skipjack("resume", "t", "--max-trials", "+2")
        self.assertEqual(self.rows()[:len(before)], before)
        self.assertEqual(len({row["trial_id"] for row in self.rows()}), 5)

        exported = json.loads(self.run_skipjack("export", "t", "--format", "json")[0])
        self.assertEqual([str(row["trial_id"]) for row in exported], [row["trial_id"] for row in self.rows()])
        self.run_skipjack("export", "t", "-o", "t.csv")
        self.assertEqual(list(csv.DictReader((self.folder / "t.csv").read_text().splitlines())), self.rows())

        self.assertIn("--yes", self.fails(2, "rm", "t"))
        self.run_skipjack("rm", "t", "--yes")
        self.fails(3, "show", "t")
        self.assertFalse((self.folder / "home" / "t").exists())

    def test_plot_makes_svg_and_png(self):
        self.tune("--max-trials", "3")
        for over in ("time", "trials"):
            self.run_skipjack("plot", "t", "-o", "best.svg", "--over", over)
            text = xml.dom.minidom.parse(str(self.folder / "best.svg")).documentElement
            self.assertEqual(text.tagName, "svg")
            self.run_skipjack("plot", "t", "-o", "best.png", "--over", over)
            self.assertEqual((self.folder / "best.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_output_that_cannot_be_written(self):
        self.tune("--max-trials", "1")
        self.assertIn("nowhere", self.fails(3, "export", "t", "-o", "nowhere/t.csv"))

    def test_full_output_is_an_error(self):
        self.tune("--max-trials", "1")
        with open("/dev/full", "w") as full:
            process = subprocess.run([SKIPJACK, "export", "t"], env=self.environment, stdout=full, stderr=subprocess.PIPE,
                                     text=True, timeout=TIMEOUT)
        self.assertEqual(process.returncode, 6, process.stderr)

    def test_reader_that_goes_away_is_no_error(self):
        self.tune("--max-trials", "1")
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.run([SKIPJACK, "export", "t"], env=self.environment, stdout=writing, stderr=subprocess.PIPE,
                                 text=True, timeout=TIMEOUT)
        os.close(writing)
        self.assertEqual((process.returncode, process.stderr), (-signal.SIGPIPE, ""))

    def test_flag_goes_before_variable(self):
        self.tune("--max-trials", "1", "--experiments-dir", self.folder / "else where")
        self.assertTrue((self.folder / "else where" / "t" / "journal.sqlite").exists())
        out, _ = self.run_skipjack("list", "--experiments-dir", self.folder / "else where")
        self.assertIn("t ", out)


class Server:
    """skipjack s3 sim of a test case."""

    def __init__(self, case, *args):
        self.process = case.start("s3", "sim", "--port", "0", "--exit-with-parent", *args)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            match = re.match(r"listening on (http://127\.0\.0\.1:\d+)$", line)
            if match:
                self.endpoint = match.group(1)
                return
        raise AssertionError(self.lines, self.process.stderr.read())


class S3Get(Case):
    def get(self, server, *args, expect=0):
        return self.run_skipjack("s3", "get", *args, "--endpoint-url", server.endpoint, expect=expect)

    def test_download_to_file_folder_and_default_name(self):
        server = Server(self, "--object", "bench/dir/obj=20MiB")
        out, _ = self.get(server, "s3://bench/dir/obj", "whole")
        self.assertIn("20 MiB", out)
        (self.folder / "folder").mkdir()
        self.get(server, "s3://bench/dir/obj", "folder")
        self.get(server, "s3://bench/dir/obj")
        digests = {hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in ("whole", "folder/obj", "obj")}
        self.assertEqual(len(digests), 1)
        self.assertEqual((self.folder / "whole").stat().st_size, 20 << 20)

    def test_json_says_effective_values(self):
        server = Server(self, "--object", "bench/o=50MiB")
        out, _ = self.get(server, "s3://bench/o", "--to", "discard", "--json", "--max-concurrency", "100",
                          "--multipart-chunksize", "8MiB")
        result = json.loads(out)
        self.assertEqual(result["bytes"], 50 << 20)
        self.assertEqual(result["config"]["max_concurrency"], 7)
        self.assertTrue(result["config"]["use_threads"])
        for key in ("seconds", "bytes_per_second", "cpu_seconds", "peak_memory_bytes"):
            self.assertGreater(result[key], 0)

    def test_says_what_was_verified_or_why_nothing_was(self):
        server = Server(self, "--object", "bench/o=20MiB")
        result = json.loads(self.get(server, "s3://bench/o", "--to", "discard", "--json")[0])
        self.assertEqual((result["checksum"], result.get("checksum_note")), ("CRC64NVME", None))
        self.assertIn("; CRC64NVME verified;", self.get(server, "s3://bench/o", "--to", "discard")[0])
        result = json.loads(self.get(server, "s3://bench/o", "--to", "discard", "--json", "--checksum", "when_required")[0])
        self.assertEqual((result["checksum"], result["checksum_note"]), (None, "checksum is when_required"))
        self.assertIn("when_required", self.fails(2, "s3", "get", "s3://bench/o", "--checksum", "never"))

    def test_config_file_and_flags(self):
        server = Server(self, "--object", "bench/o=32MiB")
        config = self.write("c.json", '{"max_concurrency": 3, "multipart_chunksize": "4MiB"}')
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--config", config)[0])
        self.assertEqual((result["config"]["max_concurrency"], result["config"]["multipart_chunksize"]), (3, 4 << 20))
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--config", config,
                                     "--max-concurrency", "2")[0])
        self.assertEqual(result["config"]["max_concurrency"], 2)
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--boto3-defaults", "--config",
                                     self.write("two.json", '{"max_concurrency": 2}'))[0])
        self.assertEqual((result["config"]["max_concurrency"], result["config"]["multipart_chunksize"]), (2, 8 << 20))

    def test_without_threads_there_is_one_connection(self):
        server = Server(self, "--object", "bench/o=50MiB")
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--no-use-threads")[0])
        self.assertEqual((result["config"]["max_concurrency"], result["num_connections"]), (1, 1))

    def test_missing_bucket_and_key(self):
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("nokey", self.fails(3, "s3", "get", "s3://bench/nokey", "--endpoint-url", server.endpoint))
        self.assertIn("nobucket", self.fails(3, "s3", "get", "s3://nobucket/k", "--endpoint-url", server.endpoint))
        self.assertEqual(list(self.folder.glob("nokey*")), [])

    def test_credentials(self):
        self.environment.update(SKIPJACK_SIM_ACCESS_KEY="AKIDEXAMPLE", SKIPJACK_SIM_SECRET_KEY="right")
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("AWS_ACCESS_KEY_ID", self.fails(5, "s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint))
        self.environment.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="wrong")
        line = self.fails(5, "s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.assertNotIn("wrong", line.replace("wrong credentials", ""))
        self.environment.update(AWS_SECRET_ACCESS_KEY="right")
        self.get(server, "s3://bench/o")
        self.fails(5, "s3", "get", "s3://bench/o", "--no-sign-request", "--endpoint-url", server.endpoint)

    def test_keys_of_a_program(self):
        self.environment.update(SKIPJACK_SIM_ACCESS_KEY="AKIDEXAMPLE", SKIPJACK_SIM_SECRET_KEY="right")
        server = Server(self, "--object", "bench/o=1MiB")
        (self.folder / ".aws").mkdir()
        for secret, code in (("right", 0), ("mistaken", 5)):
            (self.folder / ".aws/config").write_text(
                f"[profile p]\nendpoint_url = {server.endpoint}\ncredential_process = echo '"
                f'{{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "{secret}"}}' "'\n")
            _, err = self.run_skipjack("s3", "get", "s3://bench/o", "--profile", "p", expect=code)
            self.assertNotIn("mistaken", err)

    def test_addresses_instead_of_a_name(self):
        server = Server(self, "--object", "bench/o=1MiB")
        named = server.endpoint.replace("127.0.0.1", "s3.name.invalid")
        self.fails(7, "s3", "get", "s3://bench/o", "--endpoint-url", named)
        self.run_skipjack("s3", "get", "s3://bench/o", "--endpoint-url", named, "--endpoint-ips",
                          "127.0.0.2,127.0.0.1")
        self.assertEqual((self.folder / "o").stat().st_size, 1 << 20)
        self.assertIn("nonsense", self.fails(2, "s3", "get", "s3://bench/o", "--endpoint-url", named,
                                             "--endpoint-ips", "nonsense"))

    def test_addresses_of_a_config_file(self):
        server = Server(self, "--object", "bench/o=1MiB")
        named = server.endpoint.replace("127.0.0.1", "s3.name.invalid")
        config = self.write("c.json", '{"endpoint_ips": ["127.0.0.1"]}')
        self.run_skipjack("s3", "get", "s3://bench/o", "--endpoint-url", named, "--config", config)
        self.assertEqual((self.folder / "o").stat().st_size, 1 << 20)

    def test_keys_as_arguments(self):
        server = Server(self, "--object", "bench/o=1MiB", "--access-key", "AKIDEXAMPLE", "--secret-key=tell-nobody")
        shown = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_text()
        self.assertIn("--secret-key", shown)
        self.assertNotIn("tell-nobody", shown)
        keys = ("--access-key", "AKIDEXAMPLE", "--secret-key", "tell-nobody")
        self.get(server, "s3://bench/o", *keys)
        self.environment.update(AWS_ACCESS_KEY_ID="AKIDOTHER", AWS_SECRET_ACCESS_KEY="other", AWS_SESSION_TOKEN="other")
        self.get(server, "s3://bench/o", *keys)  # they go before the environment
        for wrong in (keys[:2], keys[2:], ("--session-token", "t"), ("--access-key", "", "--secret-key", ""),
                      (*keys, "--no-sign-request"), (*keys, "--profile", "default")):
            line = self.fails(2, "s3", "get", "s3://bench/o", *wrong, "--endpoint-url", server.endpoint)
            self.assertIn("--", line)
            self.assertNotIn("tell-nobody", line)
        line = self.fails(5, "s3", "get", "s3://bench/o", "--access-key", "AKIDEXAMPLE", "--secret-key", "mistaken",
                          "--endpoint-url", server.endpoint)
        self.assertNotIn("mistaken", line)

    def test_unreachable_endpoint(self):
        import socket
        with socket.socket() as bound:  # bound and not listening: refuses
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            line = self.fails(7, "s3", "get", "s3://bench/o", "--endpoint-url", f"http://127.0.0.1:{port}")
        self.assertIn(f"127.0.0.1:{port}", line)

    def test_destination_that_cannot_be_written(self):
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("nowhere", self.fails(3, "s3", "get", "s3://bench/o", "nowhere/o", "--endpoint-url", server.endpoint))

    def test_refused_folder_is_not_blamed_on_credentials(self):
        server = Server(self, "--object", "bench/o=1MiB")
        folder = self.folder / "read-only"
        folder.mkdir(mode=0o555)
        if os.access(folder, os.W_OK):  # root may write there, but nobody makes files in /sys
            folder = "/sys"
        process = self.start("s3", "get", "s3://bench/o", f"{folder}/o", "--endpoint-url", server.endpoint)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(f"{folder}/o", err)
        self.assertNotIn("AWS_ACCESS_KEY_ID", err)

    def test_many_connections_need_no_higher_limit_of_files(self):
        import resource
        server = Server(self, "--object", "bench/o=64MiB")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        process = self.start("s3", "get", "s3://bench/o", "--to", "discard", "--json", "--max-concurrency", "60",
                             "--multipart-chunksize", "1MiB", "--endpoint-url", server.endpoint,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard)))
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(json.loads(out)["num_parts"], 64)

    def test_more_connections_than_files_is_said(self):
        import resource
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=64MiB", "--profile", profile)
        limit = 30  # beyond which no connection can be opened, since the hard limit is as low
        for host in ("127.0.0.1", "localhost"):  # a name takes files to look up
            process = self.start("s3", "get", "s3://bench/o", "--to", "discard", "--endpoint-url",
                                 server.endpoint.replace("127.0.0.1", host), "--max-concurrency", "64",
                                 "--multipart-chunksize", "1MiB",
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
            _, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 11, err)
            for words in ("open files", str(limit), "max_concurrency", "ulimit -n"):
                self.assertIn(words, err)
            self.assertNotIn("reach http", err)

    def test_full_disk_leaves_nothing(self):
        import resource
        server = Server(self, "--object", "bench/o=20MiB")
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 6, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(("o", ".o"))], [])


class S3Tuned(Case):
    """What s3 tune --save keeps and s3 get begins with."""

    def setUp(self):
        super().setUp()
        self.server = Server(self, "--object", "bench/o=32MiB")
        self.path = self.folder / ".local/state/skipjack/tuned-downloads.json"

    def keep(self, **changes):
        import socket
        profile = {"host": socket.gethostname(), "endpoint": self.server.endpoint, "size_class": 12,
                   "max_concurrency": 5, "multipart_chunksize": 2 << 20, **changes}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"version": 1, "profiles": [profile]}))

    def get(self, *args):
        out, err = self.run_skipjack("s3", "get", "s3://bench/o", "--to", "discard", "--json", "--endpoint-url",
                                     self.server.endpoint, *args)
        return json.loads(out), err

    def test_a_saved_profile_is_where_a_download_begins(self):
        self.keep()
        result, err = self.get()
        self.assertIn("note: begins with 5 requests of 2 MiB, as tuned for this host", err)
        self.assertLessEqual(result["config"]["max_concurrency"], 6)
        for args in (("--no-tuned",), ("--max-concurrency", "3"), ("--no-use-threads",), ("--quiet",)):
            self.assertNotIn("note:", self.get(*args)[1])
        self.assertGreater(self.get("--no-tuned")[0]["config"]["max_concurrency"], 6)

    def test_others_profiles_are_theirs(self):
        for changes in ({"host": "another"}, {"endpoint": "http://127.0.0.1:1"}, {"size_class": 13},
                        {"max_concurrency": -5}):
            self.keep(**changes)
            self.assertNotIn("note:", self.get()[1])

    def test_a_broken_file_is_said_and_left_out(self):
        self.keep()
        for text in ("", "[" * 100000, '{"version": 7, "profiles": []}', "\x1b[31m\udcff"):
            self.path.write_bytes(text.encode(errors="surrogateescape"))
            err = self.get()[1]
            self.assertIn("note: " + str(self.path), err)
            self.assertNotIn("\x1b", err)
        self.path.unlink()
        self.path.symlink_to("/dev/zero")
        self.assertIn("note: " + str(self.path), self.get()[1])

    def test_without_a_home_nothing_is_saved_or_asked(self):
        del self.environment["HOME"]
        self.assertNotIn("note:", self.get()[1])
        self.assertIn("XDG_STATE_HOME", self.fails(3, "s3", "tune", "s3://bench/o", "--save", "--endpoint-url",
                                                   self.server.endpoint))

    def test_tune_saves_its_winner_or_says_that_there_is_none(self):
        self.environment["XDG_STATE_HOME"] = str(self.folder / "state")
        path = self.folder / "state/skipjack/tuned-downloads.json"
        self.server = Server(self, "--profile", "ec2-small", "--object", "bench/o=32MiB")
        out, err = self.run_skipjack("s3", "tune", "s3://bench/o", "--to", "discard", "--max-time", "8s", "--save",
                                     "--json", "--python", "/nonexistent", "--endpoint-url", self.server.endpoint)
        has_won = json.loads(out)["answer"] == "winner"
        self.assertEqual(path.exists(), has_won, err)
        self.assertIn(f"saved in {path}" if has_won else "so nothing is saved", err)
        if has_won:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual("note: begins with" in self.get()[1], has_won)
        self.fails(2, "s3", "tune", "s3://bench/o", "--save", "--client", "boto3", "--endpoint-url", self.server.endpoint)


class S3Copy(Case):
    """cp, put, ls and rm against a server of our own; real servers and other clients: tests/system."""

    def setUp(self):
        super().setUp()
        self.server = Server(self, "--bucket", "bench", "--object", "bench/large=9MiB")
        self.environment["AWS_ENDPOINT_URL"] = self.server.endpoint
        self.environment["TZ"] = "UTC"

    def s3(self, *args, expect=0):
        return self.run_skipjack("s3", *args, expect=expect)[0]

    def bytes_of(self, *args):
        return subprocess.run([SKIPJACK, "s3", *args], cwd=self.folder, env=self.environment, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT).stdout

    def test_a_tree_goes_up_and_comes_down(self):
        for name in ("a", "d/b", "d/e/c d"):
            (self.folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            self.write("tree/" + name, name)
        out = self.s3("cp", "--recursive", "tree", "s3://bench/up")
        self.assertIn("upload: tree/d/e/c d to s3://bench/up/d/e/c d", out)
        out = self.s3("cp", "-r", "s3://bench/up", "down")
        self.assertIn("download: s3://bench/up/a to down/a", out)
        self.assertIn("3 objects, 11 B", out)
        for name in ("a", "d/b", "d/e/c d"):
            self.assertEqual((self.folder / "down" / name).read_text(), name)
        result = json.loads(self.s3("cp", "-r", "s3://bench/up", "again", "--json"))
        self.assertEqual((result["objects"], result["failed"], result["bytes"]), (3, 0, 11))

    def test_nothing_below_a_prefix_is_said(self):
        self.write("file", "text")
        self.s3("put", "file", "s3://bench/there/file")
        for args in (("s3://bench/empty", "down"), ("s3://bench/empty", "down", "--dryrun")):
            self.assertIn(args[0], self.fails(3, "s3", "cp", "-r", *args))
        self.s3("cp", "-r", "s3://bench/there", "down", "--exclude", "*")  # asked for

    def test_one_object_gets_the_name_that_is_asked_for(self):
        self.write("file", "text")
        self.s3("put", "file", "s3://bench/dir/")
        self.s3("cp", "s3://bench/dir/file", "new name")
        self.assertEqual((self.folder / "new name").read_text(), "text")
        (self.folder / "folder").mkdir()
        self.s3("cp", "s3://bench/dir/file", "folder")
        self.s3("cp", "s3://bench/dir/file", "made/")
        self.assertTrue((self.folder / "folder/file").exists() and (self.folder / "made/file").exists())

    def test_standard_output_has_the_bytes_and_nothing_else(self):
        self.s3("get", "s3://bench/large", "file")
        body = (self.folder / "file").read_bytes()
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--multipart-chunksize", "100KiB"), body)
        self.assertEqual(self.bytes_of("cp", "s3://bench/large", "-"), body)
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--range", "5-9"), body[5:10])
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--range", "9000000-"), body[9000000:])
        for wrong in ("9-5", "a-b", "5", "", "--", "1-2-3"):
            self.fails(2, "s3", "get", "s3://bench/large", "-", "--range", wrong)

    def test_a_reader_that_goes_away_ends_it_like_other_programs(self):
        process = subprocess.Popen([SKIPJACK, "s3", "get", "s3://bench/large", "-"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(TIMEOUT), -signal.SIGPIPE)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_ctrl_c_ends_it_though_nobody_reads(self):
        process = subprocess.Popen([SKIPJACK, "s3", "get", "s3://bench/large", "-"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT), 130)
        process.stdout.close()
        process.stderr.close()

    def test_the_order_of_filters_counts(self):
        for name in ("x.txt", "y.log", "z.txt"):
            self.write(name, name)
            self.s3("put", name, "s3://bench/f/")
        self.s3("cp", "-r", "s3://bench/f", "one", "--exclude", "*", "--include", "*.txt", "--exclude", "z*", "-q")
        self.assertEqual(os.listdir(self.folder / "one"), ["x.txt"])
        self.s3("cp", "-r", "s3://bench/f", "two", "--include", "*.txt", "--exclude", "*", "-q")
        self.assertEqual(os.listdir(self.folder / "two"), [])

    def test_several_sources_need_names_of_their_own(self):
        self.write("a", "1")
        for key in ("p/a", "q/a", "q/b"):
            self.s3("put", "a", "s3://bench/" + key)
        self.s3("cp", "s3://bench/p/a", "s3://bench/q/b", "both")
        self.assertEqual(sorted(os.listdir(self.folder / "both")), ["a", "b"])
        self.assertIn("'a'", self.fails(2, "s3", "cp", "s3://bench/p/a", "s3://bench/q/a", "clash"))
        (self.folder / "p").mkdir()
        self.write("p/a", "2")
        self.assertIn("s3://bench/r/a", self.fails(2, "s3", "cp", "a", "p/a", "s3://bench/r/"))
        self.fails(3, "s3", "get", "s3://bench/r/a")

    def test_a_pattern_stands_alone_and_matches_something(self):
        self.write("a", "1")
        for key in ("m/1.x", "m/2.x", "m/[3].x"):
            self.s3("cp", "a", "s3://bench/" + key)
        self.s3("cp", "s3://bench/m/?.x", "two")
        self.assertEqual(sorted(os.listdir(self.folder / "two")), ["1.x", "2.x"])
        self.assertIn("--literal", self.run_skipjack("s3", "cp", "s3://bench/m/[3].x", "none", expect=3)[1])
        self.run_skipjack("s3", "cp", "s3://bench/m/[3].x", "none", "--dryrun", expect=3)
        self.fails(2, "s3", "cp", "s3://bench/m/?.x", "s3://bench/m/1.x", "none")
        self.s3("cp", "s3://bench/m/[3].x", "s3://bench/m/1.x", "both", "--literal")
        self.assertEqual(sorted(os.listdir(self.folder / "both")), ["1.x", "[3].x"])
        self.write("list", "s3://bench/m/[3].x\n")
        self.s3("cp", "--from-list", "list", "listed/")
        self.assertEqual(os.listdir(self.folder / "listed"), ["[3].x"])

    def test_filters_of_what_is_named_are_refused(self):
        self.write("a", "1")
        self.s3("put", "a", "s3://bench/kept")
        self.fails(2, "s3", "rm", "s3://bench/kept", "--exclude", "*")
        self.fails(2, "s3", "cp", "s3://bench/kept", "got", "--exclude", "*")
        self.fails(2, "s3", "cp", "a", "s3://bench/kept", "--include", "*")
        self.s3("get", "s3://bench/kept", "got")

    def test_ctrl_c_ends_the_wait_for_input(self):
        for command in ("cp", "put"):
            process = subprocess.Popen([SKIPJACK, "s3", command, "-", "s3://bench/typed"], cwd=self.folder,
                                       env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdin.write(b"x" * 200000)  # more than a pipe holds: it has begun to read
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(TIMEOUT), 130, process.stderr.read())
            process.stdin.close()
            process.stderr.close()
        self.fails(3, "s3", "get", "s3://bench/typed", "none")

    def test_failures_are_told_and_the_rest_is_done(self):
        self.write("a", "1")
        self.s3("put", "a", "s3://bench/a")
        self.write("list", "s3://bench/none\ns3://bench/a\n")
        out, err = self.run_skipjack("s3", "cp", "--from-list", "list", "got", expect=1)
        self.assertIn("s3://bench/none does not exist", err)
        self.assertIn("1 failed", out)
        self.assertEqual(os.listdir(self.folder / "got"), ["a"])
        self.fails(3, "s3", "cp", "s3://bench/none", "here")

    def test_dry_runs_do_nothing(self):
        self.write("a", "1")
        self.assertIn("(dryrun) upload: a to s3://bench/a", self.s3("cp", "a", "s3://bench/a", "--dryrun"))
        self.fails(3, "s3", "get", "s3://bench/a")
        self.s3("put", "a", "s3://bench/t/a")
        self.assertIn("(dryrun) upload: - to s3://bench/a", self.s3("cp", "-", "s3://bench/a", "--dryrun"))
        self.fails(3, "s3", "get", "s3://bench/a")
        self.assertEqual(self.s3("cp", "s3://bench/t/a", "-", "--dryrun"),
                         "(dryrun) download: s3://bench/t/a to -\n")
        self.assertIn("(dryrun) download: s3://bench/t/a", self.s3("cp", "-r", "s3://bench/t", "down", "--dryrun"))
        self.assertFalse((self.folder / "down").exists())
        self.assertIn("(dryrun) delete: s3://bench/t/a", self.s3("rm", "-q", "--recursive", "s3://bench/t", "--dryrun")
                      + self.s3("rm", "--recursive", "s3://bench/t", "--dryrun"))
        self.s3("get", "s3://bench/t/a", "still there")

    def test_ls_and_rm(self):
        self.write("a", "123")
        for key in ("l/one", "l/sub/two", "l-other"):
            self.s3("put", "a", "s3://bench/" + key)
        out = self.s3("ls", "s3://bench/l/")
        self.assertRegex(out, r"(?m)^ {27}PRE sub/$")
        self.assertRegex(out, r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d          3 one$")
        self.assertEqual([json.loads(line)["key"] for line in self.s3("ls", "s3://bench/l/", "--recursive", "--json")
                          .splitlines()], ["l/one", "l/sub/two"])
        self.s3("rm", "--recursive", "s3://bench/l")
        self.s3("ls", "s3://bench/l/", expect=1)
        self.s3("get", "s3://bench/l-other", "kept")
        self.assertEqual(self.s3("rm", "s3://bench/l-other"), "delete: s3://bench/l-other\n")
        self.fails(3, "s3", "get", "s3://bench/l-other")

    def test_what_makes_no_sense_is_refused(self):
        self.fails(2, "s3", "cp", "a", "b")
        self.fails(9, "s3", "cp", "s3://bench/large", "s3://bench/copy")
        self.fails(2, "s3", "cp", "s3://bench/large")
        self.fails(2, "s3", "cp", "s3://bench/", "here")
        self.fails(2, "s3", "rm", "s3://bench/")
        self.fails(2, "s3", "put", "-", "s3://bench/dir/")
        self.fails(2, "s3", "put", "x", "s3://bench/x", "--metadata", "nonsense")
        self.fails(2, "s3", "get", "s3://bench/large", "x", "--sse-c-key-file", self.write("key", "short"))

    def test_a_large_file_goes_up_in_parts(self):
        self.s3("get", "s3://bench/large", "file")
        result = json.loads(self.s3("put", "file", "s3://bench/again", "--multipart-chunksize", "5MiB", "--json"))
        self.assertEqual((result["num_parts"], result["bytes"]), (2, 9 << 20))
        self.assertEqual(self.bytes_of("get", "s3://bench/again", "-"), (self.folder / "file").read_bytes())


class S3Sim(Case):
    def test_lists_profiles(self):
        out, _ = self.run_skipjack("s3", "sim", "--list-profiles")
        for name in ("ec2-small", "ec2-m5d.12xlarge", "far-away"):
            self.assertIn(name, out)

    def test_ends_in_order_when_terminated(self):
        server = Server(self, "--object", "bench/o=1MiB", "--profile", "ec2-small")
        self.assertIn("profile ec2-small", server.lines[0])
        server.process.send_signal(signal.SIGTERM)
        out, _ = server.process.communicate(timeout=TIMEOUT)
        self.assertEqual(server.process.returncode, 0)
        self.assertIn("served 0 requests", out)

    def test_ends_after_the_time_given(self):
        out, _ = self.run_skipjack("s3", "sim", "--port", "0", "--for", "200ms")
        self.assertIn("listening on", out)

    def test_serves_a_folder(self):
        (self.folder / "root" / "bench").mkdir(parents=True)
        (self.folder / "root" / "bench" / "o").write_bytes(b"hello")
        server = Server(self, "--folder", self.folder / "root")
        self.run_skipjack("s3", "get", "s3://bench/o", "got", "--endpoint-url", server.endpoint)
        self.assertEqual((self.folder / "got").read_bytes(), b"hello")

    def test_port_in_use(self):
        server = Server(self)
        port = server.endpoint.rsplit(":", 1)[1]
        self.assertIn(port, self.fails(6, "s3", "sim", "--port", port))


class Interrupt(Case):
    # Says when it runs, leaves a grandchild, and would go on for a minute.
    SLOW = ("import os, subprocess, time\nopen(os.environ['PIDS'], 'a').write('%d\\n' % os.getpid())\n"
            "child = subprocess.Popen(['sleep', '60'])\nopen(os.environ['PIDS'], 'a').write('%d\\n' % child.pid)\n"
            "print('[tune-metric]: {\"loss\": 1}', flush=True)\ntime.sleep(60)\n")

    def start_slow(self):
        self.environment["PIDS"] = str(self.folder / "pids")
        process = self.start("tune", "--entry-point", self.write("slow.py", self.SLOW), "--space",
                             self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                             "--name", "t", "--method", "random", "--interpreter", sys.executable)
        self.wait_for(lambda: (self.folder / "pids").exists() and len(self.pids()) == 2
                      and "loss" in self.run_skipjack("export", "t")[0])
        return process

    def wait_for(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), until, "waited in vain")
            time.sleep(0.05)

    def is_downloading(self, process):
        """It has a file in our folder open, with or without a name."""
        try:
            targets = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:  # one was closed meanwhile
            return False
        return any(target.startswith(f"{self.folder}/") for target in targets)

    def pids(self):
        return [int(line) for line in (self.folder / "pids").read_text().split()]

    def all_gone(self):
        return not any(pathlib.Path(f"/proc/{pid}/cmdline").exists()
                       and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.pids())

    def test_ctrl_c_ends_with_results(self):
        process = self.start_slow()
        self.assertIn("running", self.run_skipjack("list")[0])
        self.assertIn("running", self.fails(4, "resume", "t"))
        self.assertIn("running", self.fails(4, "rm", "t", "--yes"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", out)
        self.assertIn("skipjack resume t", out)
        self.assertTrue(self.all_gone())
        self.assertRegex(self.run_skipjack("list")[0], r"t +interrupted")
        self.assertEqual([row["loss"] for row in self.rows()], ["1"])

    def test_ctrl_c_on_a_terminal(self):
        """A terminal sends SIGINT to the whole foreground group; the live line is on it."""
        import pty
        self.environment.update(PIDS=str(self.folder / "pids"))
        arguments = [SKIPJACK, "tune", "--entry-point", self.write("slow.py", self.SLOW), "--space",
                     self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                     "--name", "t", "--method", "random", "--interpreter", sys.executable]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(SKIPJACK, arguments, self.environment)
        self.wait_for(lambda: (self.folder / "pids").exists() and len(self.pids()) == 2
                      and "loss" in self.run_skipjack("export", "t")[0])
        os.write(terminal, b"\x03")
        seen = b""
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            seen += data
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 130, seen)
        self.assertIn(b"\r0 trials done, 1 running", seen)
        self.assertIn(b"ended by: interrupted", seen)
        self.assertTrue(self.all_gone())

    def test_second_signal_kills_at_once(self):
        stubborn = self.SLOW.replace("time.sleep(60)", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                                     "print('[tune-metric]: {\"loss\": 2}', flush=True)\ntime.sleep(60)")
        self.environment["PIDS"] = str(self.folder / "pids")
        process = self.start("tune", "--entry-point", self.write("slow.py", stubborn), "--space",
                             self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                             "--name", "t", "--method", "random", "--interpreter", sys.executable, "--grace", "50s")
        self.wait_for(lambda: (self.folder / "home" / "t").exists() and len(self.rows()) == 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)  # long enough to be in its orderly end, which the grace keeps waiting
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, -signal.SIGINT)
        for pid in self.pids():  # its supervisor waits for the grace; don't wait for that here
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_kill_leaves_no_process_and_resumes(self):
        process = self.start_slow()
        process.kill()
        process.communicate()
        self.wait_for(self.all_gone)
        self.assertRegex(self.run_skipjack("list")[0], r"t +interrupted")
        self.write("slow.py", "print('[tune-metric]: {\"loss\": 2}', flush=True)\n")
        self.run_skipjack("resume", "t", "--max-trials", "2")
        attempts = {row["trial_id"]: (row["sj_attempt"], row["loss"]) for row in self.rows()}
        self.assertEqual(attempts["0"], ("1", "2"))
        self.assertEqual(len(attempts), 2)

    def test_signal_sent_twice_at_once_is_one_wish(self):
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        for _ in range(20):  # as timeout(1) does, to the process and to its group
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("o")], [])

    def test_interrupted_download_leaves_nothing(self):
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(("o", ".o"))], [])

    def test_killed_download_leaves_nothing(self):
        try:
            os.close(os.open(self.folder, os.O_TMPFILE | os.O_RDWR))
        except OSError as error:
            self.skipTest(f"the file system has no files without a name: {error}")
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        process.kill()
        process.communicate(timeout=TIMEOUT)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("o")], [])


if __name__ == "__main__":
    SKIPJACK = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
