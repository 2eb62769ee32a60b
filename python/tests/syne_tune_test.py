"""Launchers and trials written for Syne Tune, one a feature, run as they are. What they must see is in
Syne Tune's own sources and runs: arguments, files, counts, messages."""

import ast
import json
import os
import sys

import pytest
from launchers import REPORTS_ONCE, RUN, table_of


def test_arguments_and_files_are_those_of_syne_tune(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import choice, randint, uniform
        from syne_tune.optimizer.baselines import RandomSearch
        space = {"x": uniform(0, 1), "k": randint(1, 19), "c": choice(["two words", "b"]), "epochs": 3,
                 "flag": True, "nn": None, "small": 1e-5}
        tuner = Tuner(LocalBackend("trial.py"), RandomSearch(space, metric="loss"),
                      StoppingCriterion(max_num_trials_completed=0), n_workers=1, tuner_name="my-name")
        print("path", tuner.tuner_path)
        tuner.run()
        """,
        """
        import json, os, sys
        from syne_tune import Reporter
        assert not os.path.exists(sys.argv[-1])
        Reporter()(loss=0.5, argv=sys.argv[1:], threads=os.environ["OMP_NUM_THREADS"])
        """,
    )
    folder = only_experiment()
    assert folder.name.startswith("my-name-20")
    (row,) = table_of(folder)
    argv = ast.literal_eval(row["argv"])
    assert argv == [
        *"--x 0.5 --k 10 --c".split(), "two words", *"--epochs 3 --flag True --nn None --small 1e-05".split(),
        "--st_checkpoint_dir", str(folder / "trials" / "0" / "checkpoints"),
    ]  # fmt: skip
    assert json.loads((folder / "0" / "config.json").read_text()) == {
        "x": 0.5, "k": 10, "c": "two words", "epochs": 3, "flag": True, "nn": None, "small": 1e-5,
    }  # fmt: skip
    assert row["threads"] == "1"
    wanted = """loss argv threads st_worker_timestamp st_worker_time st_worker_iter st_decision st_status trial_id
    config_x config_k config_c config_epochs config_flag config_nn config_small st_tuner_time""".split()
    assert list(row)[: len(wanted)] == wanted
    assert (row["config_flag"], row["config_nn"], row["config_small"]) == ("True", "", "1e-05")
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["metric_names"] == ["loss"] and metadata["metric_mode"] == "min"
    assert metadata["entrypoint"] == "trial" and metadata["backend"] == "LocalBackend"
    space = json.loads(metadata["config_space"])
    assert space["k"] == {
        "domain_cls": "Integer",
        "domain_kwargs": {"lower": 1, "upper": 19},
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    }
    assert metadata["st_tuner_start_timestamp"] >= metadata["st_tuner_creation_timestamp"]


def test_numbers_are_exceeded_before_it_ends(launch, only_experiment):
    done = launch(RUN.format(stop="StoppingCriterion(max_num_trials_started=6)", scheduler="", tuner=""), REPORTS_ONCE)
    rows = table_of(only_experiment())
    assert sorted(int(row["trial_id"]) for row in rows) == list(range(7))
    best = min(rows, key=lambda row: float(row["loss"]))
    assert f"loss: best {best['loss']} for trial-id {best['trial_id']}" in done.stdout
    assert "7 finished (7 until the end)" in done.stdout


def test_second_failure_ends_it(launch):
    done = launch(
        RUN.format(stop="StoppingCriterion(max_num_trials_started=20)", scheduler="", tuner=""),
        "raise RuntimeError('out of cheese')",
        code=1,
    )
    assert "ValueError: Trial - " in done.stderr and " failed" in done.stderr
    assert "out of cheese" in done.stdout


def test_names_of_the_first_era(launch, only_experiment):
    launch(
        """
        from syne_tune.backend.local_backend import LocalBackend
        from syne_tune.optimizer.schedulers.fifo import FIFOScheduler
        from syne_tune.search_space import lograndint, randint, search_space_size
        from syne_tune.stopping_criterion import StoppingCriterion
        from syne_tune.tuner import Tuner
        space = {"x": randint(10, 1000), "y": lograndint(1e2, 1e5)}
        assert search_space_size({"x": space["x"]}) == 991
        scheduler = FIFOScheduler(space, searcher="bayesopt", search_options={"num_init_random": 3},
                                  mode="min", metric="loss", points_to_evaluate=[{"x": 20}], random_seed=42)
        Tuner(backend=LocalBackend(entry_point="trial.py"), scheduler=scheduler, n_workers=1,
              stop_criterion=StoppingCriterion(max_num_trials_started=1)).run()
        """,
        """
        import sys
        from syne_tune.report import Reporter
        report = Reporter()
        report(loss=float(sys.argv[2]))
        """,
    )
    first = table_of(only_experiment())[0]
    # What a point lacks is the middle of its domain.
    assert (first["config_x"], first["config_y"]) == ("20", "3162")


def test_keywords_of_the_last_era(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import CQR, RandomSearch
        assert CQR({"x": uniform(0, 1)}, metric="loss", do_minimize=True).metric_mode() == "min"
        scheduler = RandomSearch({"x": uniform(0, 1)}, metrics=["loss"], do_minimize=False)
        Tuner(trial_backend=LocalBackend("trial.py"), scheduler=scheduler, n_workers=2, suffix_tuner_name=False,
              stop_criterion=StoppingCriterion(max_num_trials_started=2), tuner_name="last").run()
        """,
        REPORTS_ONCE,
    )
    folder = only_experiment()
    assert folder.name == "last"
    assert json.loads((folder / "metadata.json").read_text())["metric_mode"] == "max"


def test_a_function_without_globals(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import PythonBackend
        from syne_tune.config_space import randint
        from syne_tune.optimizer.baselines import RandomSearch
        def train_height(steps: int, width: float):
            from syne_tune import Reporter
            reporter = Reporter()
            for step in range(steps):
                reporter(step=step, mean_loss=1 / (width + step), epoch=step + 1)
        if __name__ == "__main__":
            space = {"steps": 3, "width": randint(1, 20)}
            backend = PythonBackend(tune_function=train_height, config_space=space)
            Tuner(trial_backend=backend, scheduler=RandomSearch(space, metric="mean_loss"),
                  stop_criterion=StoppingCriterion(max_num_trials_started=1), n_workers=2).run()
        """
    )
    rows = table_of(only_experiment())
    assert sorted((row["trial_id"], row["epoch"]) for row in rows) == [(t, e) for t in "01" for e in "123"]


def test_configuration_by_file_and_checkpoints(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import ordinal
        from syne_tune.optimizer.baselines import GridSearch
        backend = LocalBackend("trial.py", pass_args_as_json=True, delete_checkpoints=True)
        scheduler = GridSearch({"x": ordinal([1, 2, 4]), "list": [1, 2]}, metric="loss")
        Tuner(backend, scheduler, StoppingCriterion(max_wallclock_time=40), n_workers=2).run()
        """,
        """
        import argparse
        from syne_tune import Reporter
        from syne_tune.utils import (add_checkpointing_to_argparse, add_config_json_to_argparse,
                                     checkpoint_model_at_rung_level, load_config_json, parse_bool,
                                     resume_from_checkpointed_model)
        parser = argparse.ArgumentParser()
        add_config_json_to_argparse(parser)
        add_checkpointing_to_argparse(parser)
        config = load_config_json(vars(parser.parse_args()))
        def save(folder, resource):
            with open(folder + "/saved", "w") as file:
                file.write(str(resource))
        def load(folder):
            return open(folder + "/saved").read()
        assert resume_from_checkpointed_model(config, load) == 0
        checkpoint_model_at_rung_level(config, save, 3)
        assert resume_from_checkpointed_model(config, load) == 3
        assert parse_bool("True") and not parse_bool("False")
        Reporter()(loss=config["x"], length=len(config["list"]))
        """,
    )
    folder = only_experiment()
    assert sorted((row["loss"], row["length"]) for row in table_of(folder)) == [("1", "2"), ("2", "2"), ("4", "2")]
    assert not (folder / "0" / "checkpoints").exists()


def test_bayesopt_begins_as_syne_tunes_does(launch):
    done = launch(
        """
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import BayesianOptimization
        from syne_tune.optimizer.schedulers import FIFOScheduler
        space = {"x": uniform(0, 1)}
        print(BayesianOptimization(space, metric="loss").method.options)
        chosen = FIFOScheduler(space, metric="loss", searcher="bayesopt", search_options={"num_init_random": 8})
        print(chosen.method.options)
        """
    )
    assert done.stdout.splitlines() == ["{'num_init_random': 3}", "{'num_init_random': 8}"]


AGAIN = """
    tuner.stop_criterion = StoppingCriterion(max_num_trials_started=3)
    tuner.run()
    """
LOADED = """
    from syne_tune.experiments import load_experiment
    tuner = load_experiment(tuner.name, load_tuner=True).tuner
    """


@pytest.mark.parametrize("loaded", ["", LOADED])
def test_it_goes_on_with_a_new_criterion(launch, only_experiment, loaded):
    run = RUN.format(stop="StoppingCriterion(max_num_trials_started=1)", scheduler="", tuner="")
    done = launch(run + loaded + AGAIN, REPORTS_ONCE)
    assert len(table_of(only_experiment())) == 4
    assert "4 finished (4 until the end)" in done.stdout


def test_plateaus_and_finite_spaces_end_it(launch, only_experiment):
    launch(
        """
        import logging
        logging.basicConfig(level=logging.INFO)
        from syne_tune import Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import randint
        from syne_tune.optimizer.baselines import RandomSearch
        from syne_tune.stopping_criterion import PlateauStopper
        Tuner(LocalBackend("trial.py"), RandomSearch({"x": randint(1, 3)}, metric="loss"),
              PlateauStopper("loss", num_trials=5), n_workers=1).run()
        """,
        REPORTS_ONCE,
    )
    assert len(table_of(only_experiment())) == 3


@pytest.mark.parametrize(
    "statement, says",
    [
        ("from syne_tune.backend import SageMakerBackend; SageMakerBackend()", "needs Amazon SageMaker"),
        ("from syne_tune.search_space import sample_from", "'syne_tune.search_space.sample_from' of Syne Tune"),
        ("import syne_tune.blackbox_repository", "skipjack bench"),
        ("from syne_tune.optimizer.baselines import Oracle", "'syne_tune.optimizer.baselines.Oracle'"),
        ("import syne_tune.stopping_criterions.automatic_termination_criterion", "PlateauStopper"),
        ("from syne_tune.optimizer.schedulers import RayTuneScheduler", "one of skipjack.methods"),
        ("import syne_tune.nowhere", "docs/python.md"),
    ],
)
def test_what_is_not_there_is_named(launch, statement, says):
    done = launch(statement, code=1)
    assert says in done.stderr.splitlines()[-1]


REFEREE = os.environ.get("SKIPJACK_TEST_SYNE_TUNE_PYTHON", "")


@pytest.mark.skipif(not os.path.exists(REFEREE), reason="SKIPJACK_TEST_SYNE_TUNE_PYTHON names no Python with Syne Tune")
def test_syne_tune_reads_our_results_and_we_read_its(launch, only_experiment, tmp_path, monkeypatch):
    import subprocess

    launch(RUN.format(stop="StoppingCriterion(max_num_trials_started=4)", scheduler="", tuner=""), REPORTS_ONCE)
    ours = only_experiment()
    code = f"""
        import json
        from syne_tune.config_space import config_space_from_json_dict
        from syne_tune.experiments import load_experiment
        e = load_experiment({ours.name!r})
        space = config_space_from_json_dict(json.loads(e.metadata["config_space"]))
        print(json.dumps([len(e.results), float(e.best_config()["config_x"]), list(space), e.metric_mode()]))
        """
    import textwrap

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([REFEREE, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    number, x, space, mode = json.loads(done.stdout.splitlines()[-1])
    best = min(table_of(ours), key=lambda row: float(row["loss"]))
    assert (number, x, space, mode) == (5, pytest.approx(float(best["config_x"])), ["x"], "min")

    # And the other way: the same launcher and trial on Syne Tune itself.
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path / "theirs"))
    launcher = textwrap.dedent(
        RUN.format(
            stop="StoppingCriterion(max_num_trials_started=1)",
            scheduler="",
            tuner=", sleep_time=0.1, wait_trial_completion_when_stopping=True",
        )
    )
    (tmp_path / "theirs.py").write_text(launcher)
    environment["SYNETUNE_FOLDER"] = str(tmp_path / "theirs")
    done = subprocess.run([REFEREE, "theirs.py"], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    pytest.importorskip("pandas")
    from skipjack.syne_tune.experiments import load_experiment

    (name,) = os.listdir(tmp_path / "theirs")
    theirs = load_experiment(name)
    assert len(theirs.results) == 2 and theirs.metric_names() == ["loss"]
    # Same seed aside, the columns are the same, in the same order; ours go on with sj_*.
    theirs_columns = list(theirs.results.columns)
    assert list(table_of(ours)[0])[: len(theirs_columns)] == theirs_columns
    assert theirs.best_config()["loss"] == theirs.results["loss"].min()


def test_the_launchers_folder_is_found_and_missing_ones_are_said(launch, tmp_path):
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    assert (
        launch("import beside, sys\nprint(beside.VALUE, sys.argv[1:])", arguments=["--a", "b"]).stdout
        == "7 ['--a', 'b']\n"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "skipjack.syne_tune", "none.py"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 3 and "none.py" in done.stderr


def test_another_space_makes_another_experiment(launch, tmp_path):
    told = """
    from syne_tune.results_callback import ExtraResultsComposer, StoreResultsCallback
    class Told(ExtraResultsComposer):
        def __call__(self, tuner):
            return {"told_of": tuner.name}
        def keys(self):
            return ["told_of"]
    """
    run = told + RUN.format(
        stop="StoppingCriterion(max_num_trials_started=1)",
        scheduler="",
        tuner=', tuner_name="one", suffix_tuner_name=False, callbacks=[StoreResultsCallback(True, Told())]',
    )
    narrowed = """
    tuner.scheduler.config_space = {"x": uniform(0.5, 0.6)}
    tuner.scheduler.searcher.configure_scheduler(tuner.scheduler)
    """
    done = launch(run + LOADED + narrowed + AGAIN, REPORTS_ONCE)
    assert "search space of one has changed" in done.stderr
    assert len(table_of(tmp_path / "syne-tune" / "one")) == 2
    rows = table_of(tmp_path / "syne-tune" / "one-2")
    assert len(rows) == 4 and all(0.5 <= float(row["config_x"]) <= 0.6 for row in rows)
    assert rows[0]["told_of"] == "one-2", "columns of the launcher's own begin anew, too"


def test_counts_of_dyhpo_have_their_columns(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import DyHPO
        from syne_tune.optimizer.schedulers.searchers.dyhpo.hyperband_dyhpo import DyHPORungSystem
        from syne_tune.results_callback import ExtraResultsComposer, StoreResultsCallback
        class Extra(ExtraResultsComposer):
            def __call__(self, tuner):
                return tuner.scheduler.terminator._rung_systems[0].summary_schedule_records()
            def keys(self):
                return DyHPORungSystem.summary_schedule_keys()
        scheduler = DyHPO({"x": uniform(0, 1), "epochs": 3}, metric="loss", resource_attr="epoch",
                          max_resource_attr="epochs")
        Tuner(LocalBackend("trial.py"), scheduler, StoppingCriterion(max_num_trials_started=3), n_workers=1,
              callbacks=[StoreResultsCallback(extra_results_composer=Extra())]).run()
        """,
        REPORTS_ONCE.replace("Reporter()(", "Reporter()(epoch=1, "),
    )
    rows = table_of(only_experiment())
    assert rows[0]["started_by_dyhpo"] == "1" and rows[0]["promoted_by_sh"] == ""
