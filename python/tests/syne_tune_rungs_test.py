"""Launchers written for Syne Tune whose schedulers look at reports on the way; where the library has such methods."""

import json

import pytest
from skipjack import methods

pytestmark = pytest.mark.skipif(methods.find("ASHA") is None, reason="the method table has no ASHA")

# One report a level, from where its checkpoint ends.
TRIAL = """
    import argparse, json, os
    from syne_tune import Reporter
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--st_checkpoint_dir")
    arguments = parser.parse_args()
    path = os.path.join(arguments.st_checkpoint_dir, "state.json")
    done = json.load(open(path)) if os.path.exists(path) else 0
    report = Reporter()
    for epoch in range(done + 1, arguments.epochs + 1):
        os.makedirs(arguments.st_checkpoint_dir, exist_ok=True)
        json.dump(epoch, open(path, "w"))
        report(loss=arguments.x, epoch=epoch, told=arguments.epochs)
    """


def test_promotion_raises_the_resource_from_rung_to_rung(launch, only_experiment):
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.schedulers.hyperband import HyperbandScheduler
        space = {"x": uniform(0, 1), "epochs": 9}
        points = [{"x": 0.9 - 0.1 * k} for k in range(9)]
        scheduler = HyperbandScheduler(space, searcher="random", type="promotion", metric="loss", mode="min",
                                       points_to_evaluate=points, resource_attr="epoch", max_resource_attr="epochs")
        Tuner(LocalBackend("trial.py"), scheduler, StoppingCriterion(max_num_trials_completed=0), n_workers=1).run()
        """,
        TRIAL,
    )
    import skipjack

    folder = only_experiment()
    history = skipjack.load_experiment(folder.name, folder.parent).history
    (winner,) = [trial for trial in history.trials if trial["status"] == "completed"]
    # Rungs 1 and 3 of 9: each process is told where to end, and goes on from its checkpoint.
    levels = [(report["metrics"]["told"], report["metrics"]["epoch"]) for report in winner["reports"]]
    assert levels == [(1, 1), (3, 2), (3, 3), *((9, epoch) for epoch in range(4, 10))]
    assert json.loads((folder / str(winner["id"]) / "config.json").read_text())["epochs"] == 9
    others = [trial for trial in history.trials if trial["id"] != winner["id"]]
    assert {trial["status"] for trial in others} <= {"paused", "stopped"}


def test_stopping_follows_the_published_rule(launch, only_experiment):
    """Li et al.: of trials at a rung, those outside the best third are stopped."""
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import ASHA
        points = [{"x": value} for value in (0.1, 0.9, 0.8, 0.05)]
        scheduler = ASHA({"x": uniform(0, 1), "epochs": 9}, metric="loss", resource_attr="epoch",
                         max_resource_attr="epochs", points_to_evaluate=points)
        Tuner(LocalBackend("trial.py"), scheduler, StoppingCriterion(max_num_trials_started=3), n_workers=1).run()
        """,
        TRIAL.replace("report(loss", "import time; time.sleep(0.02); report(loss"),
    )
    import skipjack

    folder = only_experiment()
    history = skipjack.load_experiment(folder.name, folder.parent).history
    assert [trial["status"] for trial in history.trials] == ["completed", "stopped", "stopped", "completed"]


def test_a_loop_of_the_launchers_own_pauses_and_resumes(launch):
    done = launch(
        """
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import ASHA
        space = {"x": uniform(0, 1), "epochs": 9}
        scheduler = ASHA(space, metric="loss", resource_attr="epoch", max_t=9, type="promotion", random_seed=1)
        epochs, decisions, resumed = {}, [], 0
        for number in range(30):
            suggestion = scheduler.suggest(number)
            trial = number
            if not suggestion.spawn_new_trial_id:
                trial, resumed = suggestion.checkpoint_trial_id, resumed + 1
            decision = "CONTINUE"
            while decision == "CONTINUE" and epochs.get(trial, 0) < 9:
                epochs[trial] = epochs.get(trial, 0) + 1
                result = {"loss": suggestion.config["x"], "epoch": epochs[trial]}
                decision = scheduler.on_trial_result(Trial(trial, suggestion.config), result)
            # As many launchers do: also of trials that it has stopped or paused.
            scheduler.on_trial_complete(Trial(trial, suggestion.config), result)
            decisions.append(decision)
        print(sorted(set(decisions)), resumed > 3, sorted(set(epochs.values())))
        """
    )
    assert done.stdout == "['CONTINUE', 'PAUSE'] True [1, 3, 9]\n"


def test_with_a_rung_at_every_step_the_last_result_may_be_told_again(launch):
    done = launch(
        """
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.schedulers import HyperbandScheduler
        space = {"x": uniform(0, 1), "n": 3}
        scheduler = HyperbandScheduler(space, metric="loss", resource_attr="step", max_resource_attr="n", random_seed=1,
                                       type="promotion", rung_levels=[1, 2, 3])
        steps = {}
        for number in range(12):
            suggestion = scheduler.suggest(number)
            trial = number if suggestion.spawn_new_trial_id else suggestion.checkpoint_trial_id
            steps[trial] = steps.get(trial, 0) + 1
            result = {"loss": suggestion.config["x"], "step": steps[trial]}
            if scheduler.on_trial_result(Trial(trial, suggestion.config), result) == "CONTINUE":
                scheduler.on_trial_complete(Trial(trial, suggestion.config), result)
        print(sorted(set(steps.values())))
        """
    )
    assert done.stdout == "[1, 2, 3]\n"


def test_steps_may_be_counted_from_zero(launch, only_experiment):
    """As in Syne Tune's example of several objectives."""
    launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.schedulers.multiobjective import MOASHA
        scheduler = MOASHA({"x": uniform(0, 1), "epochs": 9}, metrics=["a", "b"], time_attr="step", max_t=9)
        Tuner(LocalBackend("trial.py"), scheduler, StoppingCriterion(max_num_trials_started=5), n_workers=2).run()
        """,
        """
        import argparse, time
        from syne_tune import Reporter
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=float)
        x = parser.parse_known_args()[0].x
        report = Reporter()
        for step in range(9):
            report(step=step, a=x, b=x)
            time.sleep(0.02)
        """,
    )
    import skipjack

    folder = only_experiment()
    history = skipjack.load_experiment(folder.name, folder.parent).history
    assert history.counts["failed"] == 0 and history.counts["completed"] >= 1 and history.counts["stopped"] >= 1
