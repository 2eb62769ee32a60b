"""What it refuses, with the one line that says why and its exit code."""
import hashlib
import sys

from cli_case import SPACE, WORKER, Case, main


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

    def test_tuning_is_refused_before_anybody_is_asked(self):
        self.assertIn("--seed", self.fails(2, "s3", "tune", "s3://bench/k", "--seed", "-1"))
        self.assertIn("magic", self.fails(2, "s3", "tune", "s3://bench/k", "--method", "magic"))
        self.assertIn("/nowhere", self.fails(3, "s3", "tune", "s3://bench/k", "--client", "rclone", "--program", "/nowhere"))

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


if __name__ == "__main__":
    main()
