#!/usr/bin/env python3
"""How long Syne Tune's simulator takes for a smaller copy of what tuning_rate does: ASHA over random
search, 27 levels, a report a second or so, on simulated workers. Needs Python with syne-tune 0.13.
peer_rate.py [workers] [reports...]; default 100 workers and 2,500, 5,000 and 10,000 reports."""
import contextlib
import io
import logging
import random
import resource
import sys
import time

import numpy as np
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox import Blackbox
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import randint, uniform
from syne_tune.optimizer.baselines import ASHA

MAX_EPOCH = 27


class Curves(Blackbox):
    """Losses as tuning_rate has them."""

    def __init__(self):
        super().__init__(configuration_space={"x": uniform(0, 1)},
                         fidelity_space={"epoch": randint(1, MAX_EPOCH)},
                         objectives_names=["loss", "elapsed"])

    def _objective_function(self, configuration, fidelity=None, seed=None):
        x = configuration["x"]
        draw = random.Random(x)
        rows, at = [], 0.0
        for epoch in range(1, MAX_EPOCH + 1):
            at += draw.uniform(0.5, 1.5)
            rows.append([x + 1 / epoch + 0.1 * draw.random(), at])
        return np.array(rows)

    @property
    def fidelity_values(self):
        return np.arange(1, MAX_EPOCH + 1)


def measure(workers, reports):
    backend = UserBlackboxBackend(blackbox=Curves(), elapsed_time_attr="elapsed")
    space = {"x": uniform(0, 1), "epochs": MAX_EPOCH}
    scheduler = ASHA(space, metric="loss", mode="min", resource_attr="epoch", max_t=MAX_EPOCH, random_seed=1,
                     search_options={"debug_log": False})
    tuner = Tuner(trial_backend=backend, scheduler=scheduler, n_workers=workers, sleep_time=0,
                  stop_criterion=StoppingCriterion(max_num_evaluations=reports),
                  callbacks=[SimulatorCallback()], print_update_interval=1e9, results_update_interval=1e9,
                  tuner_name="peer-rate")
    begin, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):  # its summary
        tuner.run()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    taken = tuner.tuning_status.overall_metric_statistics.count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{taken:8} reports on {workers} workers: {seconds:.2f} s, of the CPU {cpu:.2f} s, {1e6 * cpu / taken:.0f} us "
          f"each; {tuner.tuning_status.num_trials_started} trials; peak {peak:.2f} GiB", flush=True)
    return reports <= taken < 1.2 * reports + 2 * workers


def main():
    logging.disable(logging.CRITICAL)
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    sizes = [int(text) for text in sys.argv[2:]] or [2500, 5000, 10000]
    good = [measure(workers, size) for size in sizes]
    if not all(good):
        sys.exit("peer_rate: it took in another number of reports")


if __name__ == "__main__":
    main()
