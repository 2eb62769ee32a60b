"""The reporter: what it prints, read by Python's own json and refused as Syne Tune refuses it."""

import json
import math

import pytest
from skipjack import Reporter


def printed(capsys, reporter=None, **metrics):
    (reporter or Reporter())(**metrics)
    line = capsys.readouterr().out
    assert line.startswith("[tune-metric]: ") and line.endswith("\n") and line.count("\n") == 1
    return json.loads(line.removeprefix("[tune-metric]: "))


def test_values_are_those_of_json(capsys):
    values = {
        "epoch": 1,
        "loss": 0.1,
        "tiny": 5e-324,
        "huge": 1e300,
        "flag": True,
        "name": 'a "quoted" \u00e9\n',
        "list": [1, [2.5, None], {"k": False}],
        "negative": -7,
    }
    report = printed(capsys, **values)
    assert {name: report[name] for name in values} == values
    assert list(report) == [*values, "st_worker_timestamp", "st_worker_time", "st_worker_iter"]


def test_text_is_that_of_json_dumps(capsys):
    values = {"a": 1.5, "b": [1, 2], "c": {"d": "\u20ac"}}
    Reporter(add_time=False)(**values)
    text = json.dumps({**values, "st_worker_iter": 0})
    assert capsys.readouterr().out == f"[tune-metric]: {text}\n"


def test_what_is_not_finite_is_printed_as_python_does(capsys):
    report = printed(capsys, a=math.nan, b=math.inf, c=-math.inf)
    assert math.isnan(report["a"]) and report["b"] == math.inf and report["c"] == -math.inf


def test_scalars_and_arrays_of_numpy(capsys):
    numpy = pytest.importorskip("numpy")
    report = printed(capsys, a=numpy.float32(0.5), b=numpy.int64(3), c=numpy.array([1.0, 2.0]), d=numpy.bool_(True))
    assert (report["a"], report["b"], report["c"], report["d"]) == (0.5, 3, [1.0, 2.0], True)


def test_iterations_count(capsys):
    reporter = Reporter()
    assert [printed(capsys, reporter, loss=0)["st_worker_iter"] for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("metrics", [{"st_x": 1}, {"loss": None}, {"loss": "x" * 60_000}])
def test_what_readers_would_refuse_is_refused(capsys, metrics):
    with pytest.raises(ValueError):
        Reporter()(**metrics)
    assert capsys.readouterr().out == ""


def test_unknown_objects_are_named():
    with pytest.raises(TypeError, match="object"):
        Reporter()(loss=object())
