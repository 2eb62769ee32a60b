"""What type checkers see of the package."""

import os
import subprocess
import sys

import pytest
import skipjack

USE = """
import skipjack
from skipjack import methods

space = skipjack.SearchSpace({"x": skipjack.uniform(0, 1)}, constraints=["x < 0.5"])
size: int | None = space.cardinality()
study = skipjack.AskTell(space, metrics="loss", method=methods.TPE())
study.tell(study.ask(), {"loss": 1.0})
tuner = skipjack.Tuner(skipjack.LocalBackend("a.py"), space, "loss", stop=skipjack.StoppingCriterion(max_time=60))
reveal_type(skipjack.uniform(0, 1))
skipjack.uniform("low", 1)
skipjack.unifrom(0, 1)
"""


def test_mypy_knows_the_names(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "use.py").write_text(USE.lstrip())
    environment = {**os.environ, "MYPYPATH": os.path.dirname(os.path.dirname(skipjack.__file__))}
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--no-error-summary", "use.py"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout.splitlines()
    assert [line.split(":")[1] for line in said] == ["9", "10", "11"], said
    assert "Domain" in said[0] and '"str"; expected "float"' in said[1] and "unifrom" in said[2]
