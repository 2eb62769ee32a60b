"""Pieces of launchers and trials written for Syne Tune, and the table that a run leaves."""

import csv
import io
import zipfile

REPORTS_ONCE = """
    import argparse
    from syne_tune import Reporter
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float)
    arguments, _ = parser.parse_known_args()
    Reporter()(loss=(arguments.x - 0.3) ** 2)
    """

RUN = """
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import RandomSearch
    scheduler = RandomSearch({{"x": uniform(0, 1)}}, metric="loss", random_seed=1{scheduler})
    tuner = Tuner(LocalBackend("trial.py"), scheduler, {stop}, n_workers=2{tuner})
    tuner.run()
    """


def table_of(folder):
    """Rows of results.csv.zip, which has one member."""
    with zipfile.ZipFile(folder / "results.csv.zip") as archive:
        assert archive.namelist() == ["results.csv"]
        return list(csv.DictReader(io.StringIO(archive.read("results.csv").decode())))
