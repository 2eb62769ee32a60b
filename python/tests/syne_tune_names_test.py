"""Names of Syne Tune without a launcher: all are answered, domains and options are what they were there."""

import json


def test_every_name_of_the_table_is_answered():
    from skipjack.syne_tune import names

    for module in names.MODULES:
        lookup, known = names._getattr_of(module)
        for name in known:
            assert lookup(name) is not None, f"{module}.{name}"


def test_domains_have_syne_tunes_attributes():
    from skipjack.syne_tune import config_space as cs

    x, k, c, f = cs.loguniform(1e-3, 1), cs.randint(1, 5), cs.choice(["a", "b"]), cs.finrange(0, 1, 5)
    assert (x.lower, x.upper, k.lower, k.upper, c.categories) == (1e-3, 1, 1, 5, ["a", "b"])
    assert isinstance(x, cs.Float) and isinstance(k, cs.Integer) and isinstance(f, cs.FiniteRange)
    assert (x.value_type, k.value_type, c.value_type) == (float, int, str)
    assert (len(x), len(k), len(c), f.values) == (0, 5, 2, [0, 0.25, 0.5, 0.75, 1])
    assert all(k.is_valid(value) for value in k.sample(size=20))
    assert cs.from_dict(cs.to_dict(x)) == x
    space = {"x": x, "epochs": 3}
    assert cs.config_space_from_json_dict(json.loads(json.dumps(cs.config_space_to_json_dict(space)))) == space


def test_options_reach_the_method_by_their_names(monkeypatch, caplog):
    """With rows as the table has them for methods that look at a resource."""
    from skipjack import methods
    from skipjack.syne_tune import config_space as cs
    from skipjack.syne_tune import schedulers

    def row(name, *keys):
        options = [{"key": key, "description": "", "default": None} for key in keys]
        return {"name": name, "description": name, "options": options, "multi_fidelity": True}

    halving = ("resource_attr", "max_t", "grace_period", "reduction_factor", "rung_levels", "type", "searcher")
    for name, keys in {
        "ASHA": halving,
        "MOBSTER": (*halving[:-1], "gp_resource_kernel", "num_init_random"),
        "MedianStoppingRule": ("resource_attr", "scheduler", "scheduler_options", "grace_time"),
    }.items():
        monkeypatch.setitem(methods._CLASS_OF, name, methods._class_of(row(name.lower(), *keys)))
    space = {"x": cs.uniform(0, 1), "n_downloads": 3, "epochs": 27}

    sample = schedulers.HyperbandScheduler(
        space, random_seed=42, points_to_evaluate=None, searcher="bayesopt", mode="min", metric="time",
        type="promotion",
        search_options={"num_init_random": 3, "gp_resource_kernel": "cross-validation", "debug_log": False},
        rung_levels=[1, 2, 3], resource_attr="attempt", max_resource_attr="n_downloads",
    )  # fmt: skip
    assert (sample.method.name, sample.max_resource_attr) == ("mobster", "n_downloads")
    assert sample.method.options == {
        "type": "promotion", "num_init_random": 3, "gp_resource_kernel": "cross-validation", "rung_levels": [1, 2, 3],
        "resource_attr": "attempt", "max_t": 3,
    }  # fmt: skip
    asha = schedulers.ASHA(space, metric="loss", resource_attr="epoch", grace_period=2, brackets=2)
    assert asha.method.options == {"resource_attr": "epoch", "max_t": 27, "grace_period": 2}
    assert "asha of Skipjack has no brackets; left out" in caplog.text
    last_era = schedulers.ASHA(space, metric="loss", time_attr="epoch", max_t=9, do_minimize=False)
    assert last_era.method.options == {"resource_attr": "epoch", "max_t": 9}
    assert last_era.metric_mode() == "max"
    median = schedulers.MedianStoppingRule(schedulers.RandomSearch(space, metric="loss"), "epoch", grace_time=2)
    assert median.method.options == {"resource_attr": "epoch", "scheduler": "random", "grace_time": 2}


def test_a_notebook_installs_the_names():
    import subprocess
    import sys

    install = "import skipjack.syne_tune as s; s.install()"
    code = f"{install}; import syne_tune.config_space as c; print(c.randint(1, 2))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "randint(1, 2)\n", done.stderr
    theirs = f"import sys, types; sys.modules['syne_tune'] = types.ModuleType('syne_tune'); {install}"
    done = subprocess.run([sys.executable, "-c", theirs], capture_output=True, text=True)
    assert "imported already" in done.stderr
