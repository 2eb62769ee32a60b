"""The real program, run as people run it: SUBJECT_test.py SKIPJACK [CLASS...]. Each test has its own folder and its
own SKIPJACK_HOME. Listens on the loopback only, on ports that the system chooses."""
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

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
    program = None  # path of skipjack

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
        process = subprocess.Popen([self.program, *map(str, args)], cwd=self.folder, env=self.environment, text=True,
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


def main():
    Case.program = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
