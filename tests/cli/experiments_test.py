"""What is done with an experiment afterwards: list, show, resume, export, plot, rm."""
import csv
import json
import os
import signal
import subprocess
import xml.dom.minidom

from cli_case import TIMEOUT, Case, main


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
            process = subprocess.run([self.program, "export", "t"], env=self.environment, stdout=full, stderr=subprocess.PIPE,
                                     text=True, timeout=TIMEOUT)
        self.assertEqual(process.returncode, 6, process.stderr)

    def test_reader_that_goes_away_is_no_error(self):
        self.tune("--max-trials", "1")
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.run([self.program, "export", "t"], env=self.environment, stdout=writing, stderr=subprocess.PIPE,
                                 text=True, timeout=TIMEOUT)
        os.close(writing)
        self.assertEqual((process.returncode, process.stderr), (-signal.SIGPIPE, ""))

    def test_flag_goes_before_variable(self):
        self.tune("--max-trials", "1", "--experiments-dir", self.folder / "else where")
        self.assertTrue((self.folder / "else where" / "t" / "journal.sqlite").exists())
        out, _ = self.run_skipjack("list", "--experiments-dir", self.folder / "else where")
        self.assertIn("t ", out)


if __name__ == "__main__":
    main()
