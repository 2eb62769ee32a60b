#!/usr/bin/env python3
"""What a trial costs under Skipjack and under Syne Tune: the same launcher and the same trial script, in turn.

    bench/python/beside_syne_tune.py --syne-tune-python PYTHON [--rounds 3] [--trials 5]

Run by a Python that has skipjack; PYTHON is one that has Syne Tune, with its defaults (it looks at its trials every
five seconds). Times are taken by the trial itself, against the moment at which the kernel says that its process began,
known to 5 ms. A trial ends with its report, but for the interpreter's own end, which counts as time until the next
trial. Memory is what is resident of the trial's process and of those that stand between it and the launcher. Prints
medians with quartiles and the ratio of the medians."""

import argparse
import csv
import io
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

LAUNCHER = """
import os
os.environ["BENCH_LAUNCHER"] = str(os.getpid())
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import RandomSearch
Tuner(trial_backend=LocalBackend("trial.py"), scheduler=RandomSearch({"x": uniform(0, 1)}, metric="loss"), n_workers=1,
      stop_criterion=StoppingCriterion(max_num_trials_completed=TRIALS)).run()
"""

TRIAL = """
import os, time
def stat(process):
    return open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
def resident():
    pages, process = 0, os.getpid()
    while process not in (1, int(os.environ["BENCH_LAUNCHER"])):
        pages += int(open(f"/proc/{process}/statm").read().split()[1])
        process = int(stat(process)[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
def began():
    ticks = int(stat("self")[19]) + 0.5  # whole ticks are all that the kernel tells
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - (now - ticks / os.sysconf("SC_CLK_TCK"))
from syne_tune import Reporter
report = Reporter()
report(loss=1.0, began=began(), mebibytes=resident())
"""


def one_run(command, trials):
    """Lists of the four figures of one tuning."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "launcher.py").write_text(LAUNCHER.replace("TRIALS", str(trials)))
        (here / "trial.py").write_text(TRIAL)
        environment = {**os.environ, "SYNETUNE_FOLDER": str(here / "results")}
        start = time.time()
        done = subprocess.run([*command, "launcher.py"], cwd=here, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        (archive,) = here.glob("results/*/results.csv.zip")
        rows = list(csv.DictReader(io.StringIO(zipfile.ZipFile(archive).read("results.csv").decode())))
    rows = sorted((row for row in rows if row["loss"]), key=lambda row: int(row["trial_id"]))
    assert len(rows) >= trials, f"{command}: {len(rows)} reports for {trials} trials"
    began = [float(row["began"]) for row in rows]
    reported = [float(row["st_worker_timestamp"]) for row in rows]
    return {
        "launcher to first trial [s]": [began[0] - start],
        "trial's start to its report [s]": [r - b for r, b in zip(reported, began)],
        "report to next trial's start [s]": [b - r for r, b in zip(reported, began[1:])],
        "memory of a worker [MiB]": [float(row["mebibytes"]) for row in rows],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--syne-tune-python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.rounds < 2 or arguments.trials < 2:
        parser.error("--rounds and --trials must be >= 2: there are no quartiles of one value")
    contestants = {
        "Skipjack": [sys.executable, "-m", "skipjack.syne_tune"],
        "Syne Tune": [arguments.syne_tune_python],
    }
    figures = {name: {} for name in contestants}
    for _ in range(arguments.rounds):
        for name, command in contestants.items():
            for figure, values in one_run(command, arguments.trials).items():
                figures[name].setdefault(figure, []).extend(values)
    print("| median (quartiles) | Skipjack | Syne Tune | ratio |\n|---|---|---|---|")
    for figure in figures["Skipjack"]:
        ours, theirs = (statistics.quantiles(figures[name][figure], n=4) for name in ("Skipjack", "Syne Tune"))
        cells = [f"{middle:.3g} ({low:.3g} to {high:.3g})" for low, middle, high in (ours, theirs)]
        print(f"| {figure} | {cells[0]} | {cells[1]} | {theirs[1] / ours[1]:.1f} |")


if __name__ == "__main__":
    main()
