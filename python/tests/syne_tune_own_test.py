"""What launchers for Syne Tune bring of their own: schedulers, callbacks, columns, the loop itself."""

from launchers import REPORTS_ONCE, table_of


def test_a_scheduler_of_the_launchers_own(launch, only_experiment):
    done = launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import randint
        from syne_tune.optimizer.scheduler import SchedulerDecision, TrialScheduler, TrialSuggestion
        class Own(TrialScheduler):
            def __init__(self, space):
                super().__init__(config_space=space)
                self.log = []
                self.limit = 3
            def _suggest(self, trial_id):
                if trial_id == self.limit:
                    return None
                sampled = {name: v.sample() if hasattr(v, "sample") else v for name, v in self.config_space.items()}
                return TrialSuggestion.start_suggestion({**sampled, "epochs": 2} if trial_id == 3 else sampled)
            def on_trial_result(self, trial, result):
                self.log.append((trial.trial_id, result["epoch"]))
                stops = trial.trial_id == 1 and result["epoch"] == 2
                return SchedulerDecision.STOP if stops else SchedulerDecision.CONTINUE
            def on_trial_complete(self, trial, result):
                self.log.append((trial.trial_id, "complete", trial.config["epochs"]))
            def on_trial_remove(self, trial):
                self.log.append((trial.trial_id, "remove"))
            def metric_names(self):
                return ["loss"]
        own = Own({"x": randint(0, 20), "epochs": 3})
        own.max_resource_attr = "epochs"
        tuner = Tuner(LocalBackend("trial.py"), own, StoppingCriterion(max_wallclock_time=40), n_workers=1)
        tuner.run()
        stop = StoppingCriterion(max_wallclock_time=40)
        unknowing = Tuner(LocalBackend("trial.py"), Own(own.config_space), stop, n_workers=1, tuner_name=tuner.name,
                          suffix_tuner_name=False)
        try:
            unknowing.run()
        except Exception as error:
            print(error)
        again = Tuner.load(tuner.tuner_path)
        again.scheduler.limit = 4
        again.stop_criterion = lambda status: status.num_trials_started >= 10
        again.run()
        print(len(own.log), again.scheduler.log[len(own.log):])
        """,
        """
        import sys
        import time
        from syne_tune import Reporter
        report = Reporter()
        for epoch in range(1, 1 + int(sys.argv[sys.argv.index("--epochs") + 1])):
            report(loss=1.0, epoch=epoch)
            time.sleep(0.05)
        time.sleep(0.1)
        """,
    )
    # It goes on with what it knew, is told of what is new alone, and says how far a trial is to go.
    assert "11 [(3, 1), (3, 2), (3, 'complete', 2)]" in done.stdout
    assert "what Own knew of it is not kept" in done.stdout
    assert "what Own knows is saved at the end" in done.stderr
    rows = table_of(only_experiment())
    decisions = {(row["trial_id"], row["epoch"]): row["st_decision"] for row in rows}
    assert decisions[("1", "2")] == "STOP" and decisions[("0", "3")] == "CONTINUE"
    assert {row["st_status"] for row in rows if row["trial_id"] == "1"} >= {"Stopped"}
    assert {row["trial_id"] for row in rows} == {"0", "1", "2", "3"}


def test_callbacks_and_columns_of_the_launchers_own(launch, only_experiment):
    done = launch(
        """
        from syne_tune import StoppingCriterion, Tuner
        from syne_tune.backend import LocalBackend
        from syne_tune.config_space import uniform
        from syne_tune.experiments import load_experiment
        from syne_tune.optimizer.baselines import RandomSearch
        from syne_tune.results_callback import ExtraResultsComposer, StoreResultsCallback
        from syne_tune.tuner_callback import TunerCallback
        class Extra(ExtraResultsComposer):
            def __call__(self, tuner):
                return {"started": tuner.tuning_status.num_trials_started}
            def keys(self):
                return ["started"]
        class Watch(TunerCallback):
            calls = []
            def on_tuning_start(self, tuner):
                self.calls.append("start")
            def on_start_trial(self, trial):
                self.calls.append(f"trial {trial.trial_id}")
            def on_trial_result(self, trial, status, result, decision):
                self.calls.append(f"{trial.trial_id} {status} {decision} {result['loss'] >= 0}")
            def on_trial_complete(self, trial, result):
                self.calls.append(f"complete {trial.trial_id}")
            def on_tuning_end(self):
                self.calls.append("end")
        tuner = Tuner(LocalBackend("trial.py"), RandomSearch({"x": uniform(0, 1)}, metric="loss"),
                      lambda status: status.num_trials_completed >= 2, n_workers=1,
                      callbacks=[StoreResultsCallback(extra_results_composer=Extra()), Watch()])
        tuner.run()
        print("; ".join(Watch.calls))
        trial, config = tuner.best_config()
        experiment = load_experiment(tuner.name)
        assert experiment.best_config()["trial_id"] == trial
        assert experiment.best_config()["config_x"] == config["x"]
        print("started", sorted(experiment.results["started"].dropna().astype(int)))
        """,
        REPORTS_ONCE,
    )
    calls = done.stdout.split("-" * 20)[-1].strip().splitlines()
    assert calls[0].startswith(
        "start; trial 0; 0 InProgress CONTINUE True; complete 0; trial 1; 1 InProgress CONTINUE True; complete 1"
    )
    assert calls[0].endswith("; end")
    # The function is asked after the turn in which a trial ended, when the next one has been started: that
    # one may have reported or not.
    assert calls[1] in ("started [1, 2]", "started [1, 2, 3]")


def test_launchers_may_run_their_own_loop(launch):
    done = launch(
        """
        import datetime, pickle
        from syne_tune.backend.trial_status import Status, Trial
        from syne_tune.config_space import uniform
        from syne_tune.optimizer.baselines import BayesianOptimization
        scheduler = BayesianOptimization({"x": uniform(-1, 1)}, metric="loss", mode="min", random_seed=3,
                                         search_options={"num_init_random": 8})
        asked = []
        for number in range(8):
            if number == 4:
                scheduler = pickle.loads(pickle.dumps(scheduler))
            suggestion = scheduler.suggest(number)
            trial = Trial(trial_id=number, config=suggestion.config, creation_time=datetime.datetime.now())
            asked.append(trial.config["x"])
            scheduler.on_trial_complete(trial=trial, result={"loss": trial.config["x"] ** 2})
            trial.add_results(metrics={}, status=Status.completed, training_end_time=datetime.datetime.now())
        print(len(set(asked)))
        """
    )
    assert done.stdout == "8\n"
