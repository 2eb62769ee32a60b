"""Ask-tell."""

import threading
import time

import pytest
import skipjack
from skipjack import AskTell, uniform


def test_three_lines_find_a_minimum():
    study = AskTell({"x": uniform(0, 1)}, metrics="loss", seed=1)
    for _ in range(15):
        trial = study.ask()
        study.tell(trial, {"loss": (trial.configuration["x"] - 0.3) ** 2})
    assert abs(study.best()["configuration"]["x"] - 0.3) < 0.05
    assert abs(study.recommend()["configuration"]["x"] - 0.3) < 0.05
    assert study.history().counts["completed"] == 15


def test_a_seed_that_is_none_is_named():
    for seed in (-1, 2**63, "5", 0.5):
        with pytest.raises(skipjack.InvalidArgument, match="^seed = .* must be a whole number"):
            AskTell({"x": uniform(0, 1)}, metrics="loss", seed=seed)


def test_same_seed_same_questions():
    def questions():
        study = AskTell({"x": uniform(0, 1)}, metrics="loss", method="random", seed=5)
        return [trial.configuration["x"] for trial in study.ask(5)]

    assert questions() == questions()


def test_batch_failures_and_reports():
    study = AskTell({"x": uniform(0, 1)}, metrics="loss", mode="max")
    first, second = study.ask(2)
    study.tell_failed(first)
    assert study.report(second, {"loss": 1.0})
    study.tell(second, {"loss": 2.0, "extra": 1})
    assert study.best() == {"trial_id": second.id, "configuration": second.configuration, "value": 2.0}
    counts = study.history().counts
    assert (counts["failed"], counts["completed"]) == (1, 1)
    with pytest.raises(skipjack.InvalidArgument, match="not open"):
        study.tell(second, {"loss": 1.0})
    with pytest.raises(skipjack.InvalidArgument, match="must be a number"):
        study.tell(study.ask(), {"loss": "low"})


def test_a_space_without_a_domain_is_refused():
    for space in ({}, {"x": 1}):
        with pytest.raises(skipjack.InvalidArgument, match="nothing to search; give a parameter a domain"):
            AskTell(space, metrics="loss")
    with pytest.raises(skipjack.InvalidArgument, match="no objective; name what is to be minimised"):
        AskTell({"x": uniform(0, 1)}, metrics=[])


def test_finite_space_is_exhausted():
    study = AskTell({"x": skipjack.choice([1, 2])}, metrics="loss", method="random")
    for _ in range(2):
        study.tell(study.ask(), {"loss": 0})
    with pytest.raises(skipjack.Exhausted):
        study.ask()


def test_other_threads_run_while_a_model_is_fitted():
    study = AskTell({f"x{i}": uniform(0, 1) for i in range(6)}, metrics="loss")
    for trial in study.ask(60):
        study.tell(trial, {"loss": sum(trial.configuration.values())})
    counted, stop = [], threading.Event()

    def count():
        while not stop.wait(0.001):
            counted.append(time.perf_counter())

    thread = threading.Thread(target=count)
    thread.start()
    start = time.perf_counter()
    study.ask(3)
    end = time.perf_counter()
    stop.set()
    thread.join()
    # With the lock held by the call, nothing would be counted between its beginning and its end.
    assert sum(start < moment < end for moment in counted) >= 3
