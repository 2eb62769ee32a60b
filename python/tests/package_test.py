"""What importing costs, and that the package is whole."""

import subprocess
import sys

import pytest
import skipjack


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def growth(statement):
    """(seconds, MiB) that a statement adds to a bare interpreter: the least of five."""
    code = (
        "import time, os\n"
        "def memory():\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20\n"
        "before, start = memory(), time.process_time()\n"
        f"{statement}\n"
        "print(time.process_time() - start, memory() - before)"
    )
    costs = [tuple(map(float, run(code).split())) for _ in range(5)]
    return min(cost[0] for cost in costs), min(cost[1] for cost in costs)


def test_importing_and_first_use_stay_within_50_ms_and_20_mib():
    seconds, mebibytes = growth("import skipjack; skipjack.uniform(0, 1)")
    assert seconds < 0.050
    assert mebibytes < 20


def test_reporter_starts_in_5_ms():
    seconds, _ = growth("from skipjack import Reporter; Reporter()")
    assert seconds < 0.005


def test_importing_needs_no_numpy():
    loaded = run("import sys, skipjack; [getattr(skipjack, n) for n in skipjack.__all__]; print(*sys.modules)").split()
    assert not {"numpy", "pandas", "matplotlib", "boto3"} & set(loaded)


@pytest.mark.parametrize("name", skipjack.__all__)
def test_every_name_is_there(name):
    assert getattr(skipjack, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tuner_of_pianos'"):
        skipjack.tuner_of_pianos


def test_errors_have_code_and_advice_and_survive_pickling():
    import pickle

    with pytest.raises(skipjack.InvalidArgument) as caught:
        skipjack.uniform(2, 1)
    error = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(error, ValueError) and isinstance(error, skipjack.Error)
    assert error.code == "invalid_argument"
    assert error.try_this == "swap the bounds"
    assert str(error).endswith("; swap the bounds")


def test_every_code_of_the_library_has_its_class():
    from skipjack import _core, errors

    codes = _core.error_codes()
    assert len(codes) == 11 and codes[0] == "invalid_argument" and codes[-1] == "unsupported"
    for code in codes:
        error = errors.from_code(code, "m", "t")
        assert error.code == code and type(error).__name__.lower() == code.replace("_", "")
        assert getattr(skipjack, type(error).__name__) is type(error)
