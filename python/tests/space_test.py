"""Domains and search spaces: Syne Tune's names, semantics and JSON form."""

import math

import pytest
from skipjack import (
    Domain,
    InvalidArgument,
    SearchSpace,
    choice,
    finrange,
    logfinrange,
    logordinal,
    lograndint,
    loguniform,
    ordinal,
    qlograndint,
    qloguniform,
    qrandint,
    quniform,
    randint,
    reverseloguniform,
    uniform,
)

DOMAINS = [
    uniform(0, 1),
    loguniform(1e-6, 1),
    reverseloguniform(0, 0.99),
    randint(1, 9),
    lograndint(1e2, 1e5),
    choice(["a", "b"]),
    ordinal([1, 2, 5]),
    ordinal(["s", "m", "l"]),
    logordinal([1, 10, 100]),
    finrange(0, 1, 5),
    finrange(0, 9, 4, cast_int=True),
    logfinrange(1, 1000, 4),
    quniform(0, 1, 0.25),
    qloguniform(0.5, 8, 0.5),
    qrandint(0, 100, 10),
    qlograndint(1, 64, 1),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
def test_domain_survives_text_and_dict_and_draws_what_it_contains(domain):
    assert Domain.from_text(repr(domain)) == domain
    assert Domain.from_dict(domain.to_dict()) == domain
    for number in range(20):
        value = domain.sample(7, number)
        assert domain.contains(value)
        assert domain.from_unit(domain.to_unit(value)) == pytest.approx(value)
    assert domain.contains(domain.midpoint())


# SYNE_TUNE's published form, as its own to_dict prints it.
def test_json_form_is_syne_tunes():
    assert loguniform(1e-3, 1).to_dict() == {
        "domain_cls": "Float",
        "domain_kwargs": {"lower": 0.001, "upper": 1.0},
        "sampler_cls": "LogUniform",
        "sampler_kwargs": {"base": math.e},
    }
    assert logfinrange(1, 100, 3).to_dict() == {
        "domain_cls": "FiniteRange",
        "domain_kwargs": {"lower": 1.0, "upper": 100.0, "log_scale": True, "cast_int": False, "size": 3},
    }


def test_midpoint_of_the_s3_sample_is_syne_tunes_first_configuration():
    space = SearchSpace(
        {
            "max_concurrency": randint(10, 1000),
            "max_io_queue": lograndint(1e2, 1e5),
            "io_chunksize": lograndint(1e3, 1e9),
            "multipart_chunksize": lograndint(1e6, 1e10),
        }
    )
    assert list(space.midpoint().values()) == [505, 3162, 1_000_000, 100_000_000]


def test_constraints_and_conditions_hold_for_what_is_drawn():
    space = SearchSpace(
        {"optimizer": choice(["sgd", "adam"]), "momentum": uniform(0, 1), "lr": loguniform(1e-6, 1), "epochs": 10},
        constraints=["lr < 0.1 or optimizer != 'adam'"],
        conditions={"momentum": "optimizer == 'sgd'"},
    )
    for number in range(50):
        drawn = space.sample(1, number)
        assert drawn["epochs"] == 10
        assert ("momentum" in drawn) == (drawn["optimizer"] == "sgd")
        assert drawn["lr"] < 0.1 or drawn["optimizer"] != "adam"
    assert SearchSpace.from_dict(space.to_dict()).to_dict() == space.to_dict()


def test_space_from_text_is_the_command_lines():
    space = SearchSpace.from_text("lr: loguniform(1e-6, 1)\nact: [relu, tanh]\nepochs: 10\n")
    assert space.parameters == {"lr": loguniform(1e-6, 1), "act": choice(["relu", "tanh"]), "epochs": 10}


def test_numpy_values_are_taken():
    numpy = pytest.importorskip("numpy")
    space = SearchSpace({"x": uniform(0, 1), "k": numpy.int64(3)})
    assert space.complete({"x": numpy.float32(0.5)}) == {"x": 0.5, "k": 3}


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: SearchSpace({"x": object()}), "type object"),
        (lambda: SearchSpace({1: uniform(0, 1)}), "must be a str"),
        (lambda: SearchSpace([1]), "can't be made of a list"),
        (lambda: SearchSpace({"x": uniform(0, 1)}).complete({"x": 2}), "x"),
        (lambda: SearchSpace({"x": 10**30}), "64-bit"),
        (lambda: ordinal([1, 2], kind="near"), "equal, nn, nn-log"),
        (lambda: choice("ab"), "must be a list"),
        (lambda: randint(0, 1e300), "2^53"),
        (lambda: SearchSpace({"x": "\ud800"}), "Unicode"),
    ],
)
def test_what_can_not_be_is_named(make, says):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert says in str(caught.value)


def test_deep_nesting_is_refused():
    deep = []
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(InvalidArgument, match="nested deeper"):
        SearchSpace({"x": deep})
