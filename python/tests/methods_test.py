"""Methods as classes, taken from the library's table."""

import pytest
import skipjack
from skipjack import methods
from skipjack._core import methods as table


@pytest.mark.parametrize("row", table(), ids=lambda row: row["name"])
def test_every_method_is_a_class_by_all_of_its_names(row):
    by_name = methods.find(row["name"])
    assert by_name.name == row["name"]
    assert row["description"] in by_name.__doc__
    assert getattr(methods, by_name.__name__) is by_name
    for alias in row["aliases"]:
        assert getattr(methods, alias) is by_name
    for option in row["options"]:
        assert option["key"] in by_name.option_names
        assert f"{option['key']}: {option['description']}" in by_name.__doc__


def study_of(row, **options):
    metrics = ["a", "b"] if row["objectives"] == "several" else ["a"]
    declared = [skipjack.Metric("a", kind="time")] if row["needs_time"] else metrics
    space = {"x": skipjack.uniform(0, 1), "k": skipjack.randint(1, 3)}
    return skipjack.AskTell(space, declared, method=methods.find(row["name"])(**options), seed=3), metrics


@pytest.mark.parametrize("row", [row for row in table() if row["needs_sources"]], ids=lambda row: row["name"])
def test_methods_that_live_on_earlier_experiments_say_so(row):
    with pytest.raises(skipjack.InvalidArgument, match="goes by earlier experiments"):
        study_of(row)


@pytest.mark.parametrize(
    "row",
    [row for row in table() if not row["multi_fidelity"] and not row["needs_sources"]],
    ids=lambda row: row["name"],
)
def test_every_method_asks_and_is_told(row):
    study, metrics = study_of(row)
    for _ in range(4):
        trial = study.ask()
        study.tell(trial, {name: trial.configuration["x"] for name in metrics})
    assert study.history().num_trials == 4


@pytest.mark.parametrize(
    "row", [row for row in table() if row["multi_fidelity"] and not row["needs_sources"]], ids=lambda row: row["name"]
)
def test_every_method_with_a_resource_is_reported_to(row):
    keys = {option["key"] for option in row["options"]}
    wanted = {"max_t": 9, "cost_attr": "a", "num_threshold_candidates": 1, "progress_attr": "epoch", "max_progress": 9}
    options = {key: value for key, value in wanted.items() if key in keys}
    study, metrics = study_of(row, **options)
    epochs = {}
    for _ in range(30):
        trial = study.try_ask()
        if trial is None:
            break
        going = True
        while going and epochs.get(trial.id, 0) < 9:
            epochs[trial.id] = epochs.get(trial.id, 0) + 1
            values = {name: trial.configuration["x"] / epochs[trial.id] for name in metrics}
            going = study.report(trial, {**values, "epoch": epochs[trial.id]})
        if going:
            study.tell(trial, {**values, "epoch": epochs[trial.id]})
    assert max(epochs.values()) >= 3 and len(epochs) > 2


def test_unknown_methods_and_options_are_named():
    with pytest.raises(skipjack.InvalidArgument, match="no method 'magic'"):
        skipjack.AskTell({"x": skipjack.uniform(0, 1)}, "a", method="magic")
    with pytest.raises(skipjack.InvalidArgument, match="no option 'wand'"):
        methods.BayesianOptimization(wand=1)
    with pytest.raises(AttributeError, match="no method 'Magic'"):
        methods.Magic


def test_options_reach_the_method():
    with pytest.raises(skipjack.InvalidArgument, match="there is no classifier 'oracle'"):
        skipjack.AskTell({"x": skipjack.uniform(0, 1)}, "a", method=methods.BORE(classifier="oracle"))
