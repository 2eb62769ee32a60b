"""Experiments as they are stored: tables, recommendations, pictures."""

import pytest
import skipjack
from skipjack import Metric, PythonBackend, StoppingCriterion, Tuner, choice, uniform

from trials import odd_names, two_metrics


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
    ends = [experiment.space.parameters["x"].from_unit(end) for end in (0.0, 1.0)]
    assert [text.get_text() for text in axes.texts] == [f"{end:.4g}" for end in ends]
    # The best trial is drawn last, at the place of its x in [0, 1].
    best = min(zip(table["loss"], table["config_x"]))[1]
    assert list(axes.lines[-1].get_ydata()) == pytest.approx([best])
    assert len(axes.lines) == 6 + 1  # the parameter has an axis of its own
    with pytest.raises(skipjack.NotFound, match="has reported 'epoch'"):
        experiment.plot_learning_curves("epoch")
    with pytest.raises(skipjack.NotFound, match="no metric 'speed'"):
        experiment.plot_parallel_coordinates("speed")
    matplotlib.pyplot.close("all")


def test_pictures_take_names_as_they_are_and_refuse_what_is_no_number(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    odd = "$x_{$"  # a formula that never ends
    made = Tuner(
        PythonBackend(odd_names), {odd: choice(["a", odd])}, odd, root=str(tmp_path), name="odd", seed=1,
        stop=StoppingCriterion(max_trials_started=2),
    ).run().experiment()  # fmt: skip
    rows = {"parameters": [{"parameter": odd, "share": 1.0}], "explained": 1.0}
    made.importance = lambda *_: rows
    compared = skipjack.compare({odd: [made], "b": [made]})
    pictures = [made.plot(), made.plot_trials_over_time(), made.plot_learning_curves(odd),
                made.plot_parallel_coordinates(), made.plot_importance(), compared.plot()]  # fmt: skip
    for axes in pictures:
        axes.figure.canvas.draw()
    assert [label.get_text() for label in pictures[4].get_yticklabels()] == [odd]
    opened = matplotlib.pyplot.get_fignums()
    with pytest.raises(skipjack.NotFound, match="has reported 'text' as a number"):
        made.plot_trials_over_time("text")
    with pytest.raises(skipjack.NotFound, match="has reported 'text' as a number"):
        made.plot_learning_curves("text")
    with pytest.raises(skipjack.NotFound, match="no line of the comparison"):
        skipjack.Comparison({"a": []}, compared.metric, "time").plot()
    assert matplotlib.pyplot.get_fignums() == opened
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


def test_arrow_takes_the_table(experiment):
    pyarrow = pytest.importorskip("pyarrow")
    table = experiment.to_arrow()
    columns = experiment.columns()
    assert table.column_names == list(columns)
    assert table.schema.field("trial_id").type == pyarrow.int64()
    assert table.schema.field("loss").type == pyarrow.float64()
    for name in ("loss", "trial_id", "st_status", "config_x"):
        assert table[name].to_pylist() == columns[name], name
    for name, cells in columns.items():
        assert [cell is None for cell in table[name].to_pylist()] == [cell is None for cell in cells]
    # It outlives the experiment, as a part of it does.
    part = table.slice(2, 3)["config_x"]
    del table
    assert part.to_pylist() == columns["config_x"][2:5]


def arrow_table(stream):
    """{column: (format, cells)} of the capsule of a stream, read by the layout that Arrow's specification gives."""
    import ctypes

    c = ctypes

    class Schema(c.Structure):
        pass

    class Array(c.Structure):
        pass

    class Stream(c.Structure):
        pass

    Schema._fields_ = [("format", c.c_char_p), ("name", c.c_char_p), ("metadata", c.c_char_p), ("flags", c.c_int64),
                       ("n_children", c.c_int64), ("children", c.POINTER(c.POINTER(Schema))), ("d", c.c_void_p),
                       ("release", c.CFUNCTYPE(None, c.c_void_p)), ("private", c.c_void_p)]  # fmt: skip
    Array._fields_ = [("length", c.c_int64), ("null_count", c.c_int64), ("offset", c.c_int64),
                      ("n_buffers", c.c_int64), ("n_children", c.c_int64), ("buffers", c.POINTER(c.c_void_p)),
                      ("children", c.POINTER(c.POINTER(Array))), ("d", c.c_void_p),
                      ("release", c.CFUNCTYPE(None, c.c_void_p)), ("private", c.c_void_p)]  # fmt: skip
    get = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)
    Stream._fields_ = [("get_schema", get), ("get_next", get), ("get_last_error", c.c_void_p),
                       ("release", c.c_void_p), ("private", c.c_void_p)]  # fmt: skip
    pointer = c.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
    address = pointer(stream, b"arrow_array_stream")
    source, schema, array = Stream.from_address(address), Schema(), Array()
    assert source.get_schema(address, c.byref(schema)) == 0 and source.get_next(address, c.byref(array)) == 0
    found = {}
    for index in range(schema.n_children):
        described, column = schema.children[index].contents, array.children[index].contents
        kind, rows = described.format.decode(), column.length

        def bit(buffer, row, column=column):
            return c.cast(column.buffers[buffer], c.POINTER(c.c_uint8))[row // 8] >> (row % 8) & 1

        def cell(row, column=column, kind=kind):
            if not bit(0, row, column):
                return None
            if kind == "b":
                return bool(bit(1, row, column))
            if kind in "lg":
                return c.cast(column.buffers[1], c.POINTER({"l": c.c_int64, "g": c.c_double}[kind]))[row]
            begin, end = c.cast(column.buffers[1], c.POINTER(c.c_int64))[row : row + 2]
            return c.string_at(column.buffers[2] + begin, end - begin).decode()

        found[described.name.decode()] = (kind, [cell(row) for row in range(rows)])
        assert column.null_count == found[described.name.decode()][1].count(None)
    end = Array()
    assert source.get_next(address, c.byref(end)) == 0 and not end.release
    array.release(c.addressof(array))
    schema.release(c.addressof(schema))
    assert not array.release and not schema.release
    return found


def test_arrow_stream_is_as_specified(experiment):
    found = arrow_table(experiment.__arrow_c_stream__())
    columns = experiment.columns()
    assert list(found) == list(columns)
    assert found["loss"] == ("g", columns["loss"]) and found["trial_id"] == ("l", columns["trial_id"])
    assert found["st_status"] == ("U", columns["st_status"])
    experiment.__arrow_c_stream__()  # nobody takes it


def test_importance_is_of_the_library(experiment, monkeypatch):
    from skipjack import experiments

    with pytest.raises(skipjack.InvalidArgument, match="needs 10 measured trials, and there are 6"):
        experiment.importance()
    study = skipjack.AskTell({"a": uniform(0, 1), "b": uniform(0, 1)}, "loss", method="sobol", points_to_evaluate=[])
    for trial in study.ask(128):
        study.tell(trial, {"loss": 3 * trial.configuration["a"] + trial.configuration["b"]})
    found = experiments._core.parameter_importance(
        skipjack.SearchSpace({"a": uniform(0, 1), "b": uniform(0, 1)}), study.history(), {"name": "loss"}
    )
    # As the variances of the summands: 9 to 1.
    assert [row["parameter"] for row in found["parameters"]] == ["a", "b"]
    assert found["parameters"][0]["share"] == pytest.approx(0.9, abs=0.05)
    assert found["num_trials"] == 128 and found["explained"] > 0.9
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.setattr(type(experiment), "importance", lambda *_: found)
    axes = experiment.plot_importance()
    assert [bar.get_width() for bar in axes.patches] == [row["share"] for row in found["parameters"]][::-1]
    axes.set_yticks([0, 1], ["a" * 40, "b"])
    axes.figure.canvas.draw()
    labels = [axes.xaxis.label, *axes.get_yticklabels()]
    assert all(min(label.get_window_extent().p0) >= 0 for label in labels), "a label is cut off"


def test_comparison_is_of_the_experiments(experiment):
    compared = skipjack.compare({"a": [experiment, experiment], "b": [experiment]}, over="trials")
    best = [point[3] for point in experiment.curve(over_trials=True)]
    assert [point[1] for point in compared.curves["a"]] == pytest.approx(best)
    # Two that are the same leave no doubt; of one nothing is known.
    assert all(low == mean == high for _, mean, low, high in compared.curves["a"])
    assert {point[2] for point in compared.curves["b"]} == {None}
    assert set(compared.columns()) == {"label", "at", "mean", "lower", "upper"}
    by_method = skipjack.compare(["two"], "cost", root=experiment.path.rsplit("/", 1)[0])
    assert list(by_method.curves) == ["mo_bayesopt"] and by_method.metric["name"] == "cost"
    with pytest.raises(skipjack.InvalidArgument, match="over = 'nights'"):
        skipjack.compare([experiment], over="nights")
    with pytest.raises(skipjack.InvalidArgument, match="no experiment"):
        skipjack.compare([])
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    assert list(compared.plot().lines[0].get_ydata()) == pytest.approx(best)


def test_notebooks_show_escaped_tables(experiment):
    from skipjack import display

    shown = experiment._repr_html_()
    assert shown.startswith("<table>") and shown.count("<tr>") == 7 and "experiment two" in shown
    space = skipjack.SearchSpace({"<b>": skipjack.choice(["<script>"])}, constraints=["1 < 2"])
    text = space._repr_html_()
    assert "<script>" not in text and "&lt;script&gt;" in text and "&lt;b&gt;" in text and "1 &lt; 2" in text
    assert "<i>" not in display.table(["<i>"], [["<i>"]], "<i>")
    assert "and 88 more" in display.table(["a"], [[number] for number in range(100)])
    assert "mean" in skipjack.compare([experiment])._repr_html_()


def test_an_experiment_is_a_source_for_others(experiment):
    source = experiment.source()
    assert len(source.observations) == 6 and source.name == "two" and source.mode == "min"
    best = min(source.observations, key=lambda pair: pair[1])[0]
    study = skipjack.AskTell({"x": uniform(0, 1)}, "loss", method="zero_shot", sources=[source])
    assert study.ask().configuration == best
    with pytest.raises(skipjack.InvalidArgument, match="finds none by the name 'two'"):
        skipjack.AskTell({"x": uniform(0, 1)}, "loss", method="zero_shot", sources=["two"])
    with pytest.raises(skipjack.InvalidArgument, match="not int"):
        skipjack.AskTell({"x": uniform(0, 1)}, "loss", sources=[3])


def test_a_tuning_begins_from_experiments_and_from_data(experiment):
    root = experiment.path.rsplit("/", 1)[0]
    elsewhere = skipjack.SourceExperiment("elsewhere", [({"x": 0.9}, 7.0), ({"x": 0.8}, 9.0)])
    result = Tuner(PythonBackend(two_metrics), {"x": uniform(0, 1)}, "loss", method="zero_shot", root=root, name="warm",
                   stop=StoppingCriterion(max_trials_started=2), sources=["two", elsewhere]).run()  # fmt: skip
    best = min(experiment.source().observations, key=lambda pair: pair[1])[0]
    assert best["x"] in {trial["configuration"]["x"] for trial in result.history.trials}
    kept = result.experiment().definition["sources"]
    assert sorted(source["name"] for source in kept) == ["elsewhere", "two"]
    skipjack.remove_experiment("warm", root)
