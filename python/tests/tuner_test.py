"""Tunings from Python: programs and functions as trials, callbacks, schedulers, stopping, resume."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import skipjack
from skipjack import Callback, LocalBackend, PythonBackend, StoppingCriterion, Tuner, loguniform, randint, uniform
from skipjack.schedulers import Finished, Start, Stop

from trials import fails, heed_ctrl_c, reports_itself, reports_slowly, square, two_metrics


SPACE = {"x": uniform(0, 1), "k": 1}


def some_trials(number):
    return StoppingCriterion(max_trials_started=number)


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "experiments")


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(
        textwrap.dedent(
            """
            import argparse
            from skipjack import Reporter
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float)
            parser.add_argument("--epochs", type=int)
            parser.add_argument("--st_checkpoint_dir")
            arguments = parser.parse_args()
            report = Reporter()
            for epoch in range(arguments.epochs):
                report(epoch=epoch + 1, loss=arguments.lr / (epoch + 1))
            """
        )
    )
    return str(path)


def test_a_script_is_tuned(root, script):
    tuner = Tuner(
        LocalBackend(script),
        {"lr": loguniform(1e-6, 1), "epochs": 3},
        "loss",
        stop=some_trials(4),
        workers=2,
        root=root,
    )
    result = tuner.run()
    assert result.reason == "max_trials_started"
    assert result.history.counts["completed"] == 4
    assert result.history.num_reports == 12
    assert result.name.startswith("train-")
    assert result.history.trial(0)["configuration"] == {"lr": pytest.approx(1e-3), "epochs": 3}
    assert result.best()["configuration"]["epochs"] == 3
    assert os.path.isfile(os.path.join(tuner.path, "trials", "0", "std.out"))


def test_a_function_is_tuned_and_may_report_itself(root):
    result = Tuner(PythonBackend(square), SPACE, "loss", stop=some_trials(3), root=root).run()
    for trial in result.history.trials:
        assert result.history.last_value(trial["id"], "loss") == pytest.approx(square(**trial["configuration"]))
    result = Tuner(
        PythonBackend(reports_itself), {"x": uniform(0, 1), "epochs": 2}, "loss", stop=some_trials(1), root=root
    ).run()
    assert [report["metrics"]["epoch"] for report in result.history.trial(0)["reports"]] == [1, 2]


def test_a_closure_is_tuned_by_cloudpickle(root):
    pytest.importorskip("cloudpickle")
    offset = 2.5
    result = Tuner(
        PythonBackend(lambda x: {"loss": x + offset}), {"x": uniform(0, 1)}, "loss", stop=some_trials(1), root=root
    ).run()
    assert result.history.last_value(0, "loss") == 3.0


SCRIPT = """
    import sys
    import skipjack
    {before}
    def trial(x):
        return HELPER * x
    HELPER = 2
    {guard}
        result = skipjack.Tuner(skipjack.PythonBackend(trial), {{"x": skipjack.uniform(0, 1)}}, "loss",
                                stop=skipjack.StoppingCriterion(max_trials_started=1), root={root!r}).run()
        print(result.history.last_value(0, "loss"))
    """
WITHOUT_CLOUDPICKLE = "sys.modules['cloudpickle'] = None"


@pytest.mark.parametrize("before", ["", WITHOUT_CLOUDPICKLE])
def test_functions_of_scripts_are_found(tmp_path, root, before):
    launcher = tmp_path / "launcher.py"
    launcher.write_text(textwrap.dedent(SCRIPT.format(before=before, guard='if __name__ == "__main__":', root=root)))
    done = subprocess.run([sys.executable, str(launcher)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1.0\n", "")


def test_scripts_that_start_themselves_again_are_told_so(tmp_path, root):
    launcher = tmp_path / "launcher.py"
    launcher.write_text(textwrap.dedent(SCRIPT.format(before=WITHOUT_CLOUDPICKLE, guard="if True:", root=root)))
    subprocess.run([sys.executable, str(launcher)], capture_output=True, text=True)
    (name,) = [entry["name"] for entry in skipjack.list_experiments(root)]
    end = skipjack.load_experiment(name, root).history.trial(0)["end"]
    assert "under if __name__ == '__main__':" in end["error_tail"]


def test_failures_are_data_and_quoted(root, caplog):
    result = Tuner(
        PythonBackend(fails), {"x": uniform(0, 1)}, "loss", stop=some_trials(2), max_initial_failures=None, root=root
    ).run()
    assert result.history.counts["failed"] == 2
    assert "out of cheese" in caplog.text and "\x1b" not in caplog.text
    assert "out of cheese" in result.history.trial(0)["end"]["error_tail"]
    with pytest.raises(skipjack.Exhausted, match="out of cheese"):
        Tuner(
            PythonBackend(fails), {"x": uniform(0, 1)}, "loss", stop=some_trials(9), max_initial_failures=2, root=root
        ).run()


def test_callbacks_see_every_event_once(root):
    class Watch(Callback):
        def __init__(self):
            self.started, self.types, self.numbers, self.ended, self.turns = None, [], [], None, 0

        def on_start(self, running):
            self.started = running.name

        def on_event(self, event, history):
            self.types.append(event["type"])
            self.numbers.append(event["number"])
            self.view = history
            history.num_trials

        def on_turn(self, turn, history):
            self.turns += 1

        def on_end(self, result):
            self.ended = result.reason

    watch = Watch()
    result = Tuner(PythonBackend(square), SPACE, "loss", stop=some_trials(2), root=root, callbacks=[watch]).run()
    assert watch.started == result.name and watch.ended == "max_trials_started"
    assert watch.numbers == list(range(len(watch.numbers)))
    assert watch.types[0] == "run_started" and watch.types[-1] == "run_ended"
    assert watch.types.count("reported") == watch.types.count("attempt_ended") == 2
    assert watch.turns >= 2
    with pytest.raises(skipjack.InvalidArgument, match="has ended with the call"):
        watch.view.num_trials


def test_what_a_callback_raises_ends_the_tuning(root):
    class Breaks(Callback):
        def on_event(self, event, history):
            raise KeyError("broken callback")

    tuner = Tuner(PythonBackend(square), SPACE, "loss", stop=some_trials(5), root=root, callbacks=[Breaks()])
    with pytest.raises(KeyError, match="broken callback"):
        tuner.run()
    assert skipjack.load_experiment(tuner.name, root).status == "failed"


def test_a_function_stops_the_tuning(root):
    result = Tuner(
        PythonBackend(square), SPACE, "loss", stop=lambda turn, history: history.num_reports >= 2, root=root
    ).run()
    assert (result.reason, result.history.num_reports) == ("stop_when", 2)


def test_a_searcher_of_ones_own(root):
    class Halves(skipjack.Searcher):
        def suggest(self, history, **context):
            return {"x": 0.5 ** (history.num_trials + 1)} if history.num_trials < 3 else None

    result = Tuner(PythonBackend(square), SPACE, "loss", method=Halves(), root=root, stop=some_trials(9)).run()
    assert [trial["configuration"] for trial in result.history.trials] == [
        {"x": 0.5, "k": 1},
        {"x": 0.25, "k": 1},
        {"x": 0.125, "k": 1},
    ]
    begun = Tuner(
        PythonBackend(square),
        SPACE,
        "loss",
        method=Halves(),
        points_to_evaluate=[{"x": 0.75}],
        root=root,
        name="begun",
    ).run()
    assert [trial["configuration"]["x"] for trial in begun.history.trials] == [0.75, 0.25, 0.125]
    with pytest.raises(skipjack.InvalidArgument, match="run by Halves"):
        skipjack.resume(result.name, root=root)
    with pytest.raises(skipjack.InvalidArgument, match="does not say that its state follows"):
        skipjack.resume(result.name, root=root, method=Halves())


def test_a_scheduler_of_ones_own_stops_and_is_resumed(root):
    class Impatient(skipjack.Scheduler):
        is_function_of_events = True

        def __init__(self):
            self.reports, self.stopped = {}, set()

        def apply(self, event, history):
            if event["type"] == "reported":
                self.reports[event["trial"]] = event["metrics"]["epoch"]
            if event["type"] == "stop_ordered":
                self.stopped.add(event["trial"])

        def decide(self, history, *, free_workers, **view):
            late = [trial for trial in history.running if self.reports.get(trial, 0) >= 2 and trial not in self.stopped]
            if late:
                return [Stop(trial, "impatient") for trial in late]
            return [Start({"x": 0.5}, tag={"phase": "own"})] if free_workers else []

    space = {"x": uniform(0, 1), "epochs": 1000}
    method = Impatient()
    result = Tuner(PythonBackend(reports_slowly), space, "loss", method=method, root=root, stop=some_trials(2)).run()
    assert result.history.counts["stopped"] == 2
    assert result.history.trial(0)["tag"] == {"phase": "own"}
    again = skipjack.resume(result.name, root=root, add_trials=1, method=Impatient())
    assert again.history.counts["stopped"] == 3


def test_things_of_the_wrong_kind_are_named(root):
    backend = LocalBackend("train.sh")
    for says, wrong in [
        ('not str; LocalBackend\\("train.py"\\) runs', {"backend": "train.py"}),
        ("metrics must be a list, not int", {"metrics": 7}),
        ("points_to_evaluate must be a list, not dict", {"points_to_evaluate": {"x": 0.5}}),
        ('^workers: "2" is a string, not an integer', {"workers": "2"}),
        ('^max_time: "60" is a string, not a number', {"stop": StoppingCriterion(max_time="60")}),
        ("parameter 'x' is a tuple; uniform", {"space": {"x": (0, 1)}}),
        ("parameter 'x' is a range; .*randint", {"space": {"x": range(16, 20)}}),
        ("can't be made of a NoneType", {"space": None}),
        ("^name must be a str, not int", {"name": 5}),
        ("^root must be a str or a path, not int", {"root": 5}),
        ("^seed = -1 must be a whole number", {"seed": -1}),
        ('^trial_time_limit: "5m" is a string, not a number', {"trial_time_limit": "5m"}),
        ("subclasses of Callback, not the class Callback", {"callbacks": [skipjack.Callback]}),
        ("an object of a Scheduler or Searcher, not the class Searcher", {"method": skipjack.Searcher}),
        ("a StoppingCriterion or a function, not the class StoppingCriterion", {"stop": StoppingCriterion}),
    ]:
        with pytest.raises(skipjack.InvalidArgument, match=says):
            Tuner(**{"backend": backend, "space": SPACE, "metrics": "loss", "root": root, **wrong})


def test_objectives_come_before_other_metrics(root):
    metrics = [skipjack.Metric("cost", role="cost"), "loss"]
    result = Tuner(PythonBackend(square), SPACE, metrics, name="number", root=root, stop=some_trials(1)).run()
    assert result.history.last_value(0, "loss") is not None  # the number that it returns is the loss

    def tuner(name, **more):
        limited = [skipjack.Metric("cost", role="constraint", bound=5), "loss"]
        space = {"x": uniform(0, 1)}
        return Tuner(PythonBackend(two_metrics), space, limited, name=name, root=root, stop=some_trials(1), **more)

    assert [metric["name"] for metric in tuner("first").definition["metrics"]] == ["loss", "cost"]
    first = tuner("first").run()
    (kept,) = tuner("second", sources=["first"]).run().experiment().definition["sources"]
    assert kept["values"] == [first.history.last_value(0, "loss")]


def test_a_backend_shows_no_secret_and_keeps_what_it_was_given():
    environment, template = {"AWS_SECRET_ACCESS_KEY": "hush"}, ["--x", "{x}"]
    backend = LocalBackend("train.sh", interpreter=iter(["bash", "-e"]), argument_template=iter(template),
                           environment=environment, gpus=iter([0, 1]), cpus=iter([2]))  # fmt: skip
    environment["AWS_SECRET_ACCESS_KEY"] = "other"
    program = backend.program()
    assert program == backend.program()
    assert program["interpreter"] == ["bash", "-e"] and program["argument_template"] == template
    assert program["gpus"] == ["0", "1"] and program["cpus"] == [2]
    assert program["environment"] == {"AWS_SECRET_ACCESS_KEY": "hush"}
    of_function = PythonBackend(lambda x: x, environment=program["environment"])
    slurm = skipjack.SlurmBackend("train.sh", environment=program["environment"], sbatch_options=iter(["--exclusive"]))
    assert slurm.program() == slurm.program() and slurm.program()["slurm"]["extra"] == ["--exclusive"]
    for shown in map(repr, (backend, of_function, slurm)):
        assert "hush" not in shown and "SKIPJACK_FUNCTION" not in shown


def test_a_scheduler_is_told_when_no_more_trials_may_start(root):
    told = []

    class Counts(skipjack.Scheduler):
        def decide(self, history, *, free_workers, starts_full, **view):
            told.append((history.num_trials, starts_full))
            return [Finished("all had")] if starts_full else [Start({"x": 0.5})] if free_workers else []

    Tuner(PythonBackend(square), SPACE, "loss", method=Counts(), root=root, stop=some_trials(2)).run()
    assert {number for number, _ in told} >= {0, 1, 2}
    assert all(full == (number == 2) for number, full in told)


def test_bad_commands_are_named(root):
    class Odd(skipjack.Scheduler):
        def decide(self, history, **view):
            return ["start"]

    with pytest.raises(skipjack.InvalidArgument, match="gave a str"):
        Tuner(PythonBackend(square), SPACE, "loss", method=Odd(), root=root, stop=some_trials(1)).run()

    class Ends(skipjack.Scheduler):
        def decide(self, history, **view):
            return [Finished("nothing to do")]

    assert (
        Tuner(PythonBackend(square), SPACE, "loss", method=Ends(), root=root, stop=some_trials(1)).run().reason
        == "nothing to do"
    )


def test_experiments_go_on(root):
    first = Tuner(PythonBackend(square), SPACE, "loss", stop=some_trials(1), root=root).run()
    watch = []

    class Watch(Callback):
        def on_event(self, event, history):
            watch.append(event["type"])

    second = skipjack.resume(first.name, root=root, add_trials=1, callbacks=[Watch()])
    assert second.history.counts["completed"] == 2
    # Events of the earlier run are not told again.
    assert watch.count("trial_started") == 1
    assert skipjack.resume(first.name, root=root).reason == "already finished"


def test_ctrl_c_keeps_results_and_raises(tmp_path, root):
    launcher = tmp_path / "launcher.py"
    launcher.write_text(
        textwrap.dedent(
            f"""
            import sys, time
            import skipjack
            def trial(x):
                from skipjack import Reporter
                Reporter()(loss=x)
                time.sleep(60)
            class Say(skipjack.Callback):
                def on_event(self, event, history):
                    if event["type"] == "reported":
                        print("ready", flush=True)
            if __name__ == "__main__":
                try:
                    skipjack.Tuner(skipjack.PythonBackend(trial), {{"x": skipjack.uniform(0, 1)}}, "loss", name="cut",
                                   stop=skipjack.StoppingCriterion(max_time=60), root={root!r}, callbacks=[Say()]).run()
                except KeyboardInterrupt:
                    sys.exit(42)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(launcher)], stdout=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 42
    finally:
        process.kill()
    experiment = skipjack.load_experiment("cut", root)
    assert experiment.status == "interrupted"
    assert experiment.history.trial(0)["status"] == "stopped"


@pytest.mark.parametrize(
    "arguments, says",
    [
        ({"space": {"x": uniform(0, 1)}}, "nothing ends this tuning"),
        ({"stop": some_trials(0)}, "max_trials_started"),
        ({"workers": 0, "stop": some_trials(1)}, "workers = 0 must be >= 1"),
        ({"mode": ["min", "max"], "stop": some_trials(1)}, "mode has 2 items"),
        ({"name": "a b", "stop": some_trials(1)}, "a b"),
        ({"stop": 3}, "stop must be"),
        ({"method": 3, "stop": some_trials(1)}, "a method must be"),
        ({"metrics": [], "stop": some_trials(1)}, "metric"),
    ],
)
def test_bad_arguments_are_named_before_anything_runs(root, arguments, says):
    arguments = {"space": SPACE, "metrics": "loss", **arguments}
    with pytest.raises(skipjack.InvalidArgument) as caught:
        Tuner(PythonBackend(square), root=root, **arguments).run()
    assert says in str(caught.value)
    assert skipjack.list_experiments(root) == []


def test_missing_program_is_not_found(root):
    with pytest.raises(skipjack.NotFound, match="nowhere.py"):
        Tuner(LocalBackend("nowhere.py"), {"k": randint(0, 1)}, "loss", root=root)
