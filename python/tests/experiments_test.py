"""Experiments as they are stored: tables, recommendations, pictures."""

import pytest
import skipjack
from skipjack import Metric, PythonBackend, StoppingCriterion, Tuner, uniform

from trials import two_metrics


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("experiments"))
    result = Tuner(
        PythonBackend(two_metrics),
        {"x": uniform(0, 1)},
        [Metric("loss"), Metric("cost")],
        method="mo_bayesopt",
        stop=StoppingCriterion(max_trials_started=6),
        workers=2,
        name="two",
        root=root,
    ).run()
    return result.experiment()


def test_table_has_syne_tunes_columns_in_its_order(experiment):
    pandas = pytest.importorskip("pandas")
    frame = experiment.results
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 6
    wanted = """loss cost st_worker_timestamp st_worker_time st_worker_iter st_decision st_status trial_id config_x
    st_tuner_time""".split()
    assert list(frame.columns)[: len(wanted)] == wanted
    assert (frame["loss"] - (frame["config_x"] - 0.3) ** 2).abs().max() < 1e-12
    assert frame["trial_id"].dtype.kind == "i" and frame["loss"].dtype.kind == "f"


def test_csv_is_the_same_table(experiment, tmp_path):
    pandas = pytest.importorskip("pandas")
    experiment.to_csv(tmp_path / "t.csv")
    pandas.testing.assert_frame_equal(
        pandas.read_csv(tmp_path / "t.csv")[["loss", "trial_id"]], experiment.results[["loss", "trial_id"]]
    )


def test_best_and_front_are_of_the_table(experiment):
    table = list(zip(*(experiment.columns()[name] for name in ("trial_id", "loss", "cost"))))
    best = experiment.recommend()
    assert best["best_value"] == min(loss for _, loss, _ in table)
    assert experiment.best_config() == best["configuration"]
    front = {
        trial
        for trial, loss, cost in table
        if not any(a <= loss and b <= cost and (a, b) != (loss, cost) for _, a, b in table)
    }
    assert {row["trial_id"] for row in experiment.front()} == front
    with pytest.raises(skipjack.NotFound, match="no metric 'speed'"):
        experiment.recommend("speed")


def test_pictures_show_the_table(experiment):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = experiment.plot()
    best_values = list(axes.lines[-1].get_ydata())
    assert best_values[-1] == min(experiment.columns()["loss"])
    assert best_values == sorted(best_values, reverse=True)
    assert axes.get_ylabel() == "loss"
    axes = experiment.plot_trials_over_time(metric="cost")
    assert sorted(y for line in axes.lines for y in line.get_ydata()) == sorted(experiment.columns()["cost"])
    assert len(experiment.plot_pareto().lines[1].get_xdata()) == len(experiment.front())
    axes = experiment.plot_learning_curves("cost", metric="loss")
    table = experiment.columns()
    drawn = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert drawn == set(zip(table["cost"], table["loss"]))
    axes = experiment.plot_parallel_coordinates()
    # The best trial is drawn last, at the place of its x in [0, 1].
    best = min(zip(table["loss"], table["config_x"]))[1]
    assert list(axes.lines[-1].get_ydata()) == pytest.approx([best])
    assert len(axes.lines) == 6
    with pytest.raises(skipjack.NotFound, match="has reported 'epoch'"):
        experiment.plot_learning_curves("epoch")
    with pytest.raises(skipjack.NotFound, match="no metric 'speed'"):
        experiment.plot_parallel_coordinates("speed")
    matplotlib.pyplot.close("all")


def test_listing_and_removing(experiment, tmp_path):
    root = experiment.path.rsplit("/", 1)[0]
    assert [entry["name"] for entry in skipjack.list_experiments(root)] == ["two"]
    assert skipjack.list_experiments(str(tmp_path / "none")) == []
    with pytest.raises(skipjack.NotFound):
        skipjack.load_experiment("other", root)
    with pytest.raises(skipjack.NotFound):
        skipjack.remove_experiment("other", root)


def test_command_line_reads_the_same_experiment(experiment, monkeypatch):
    import subprocess

    from skipjack import program

    root = experiment.path.rsplit("/", 1)[0]
    monkeypatch.setenv("SKIPJACK_HOME", root)
    done = subprocess.run([program.tool(), "export", "two"], capture_output=True, text=True)
    assert done.stdout == experiment.to_csv()
    assert skipjack.load_experiment("two").name == "two"


def test_missing_packages_are_said(experiment, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(skipjack.Unsupported, match="needs matplotlib"):
        experiment.plot()
