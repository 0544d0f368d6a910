"""What Atheris finds, which sees the lines that an input reaches, and goes on from there.

Hypothesis (`test_reports_fuzz.py`, `test_tracked_html.py`) knows what mail is made of; this one
does not, and comes where nobody thought of.
"""

import subprocess
import sys
from importlib.util import find_spec

import pytest

PARSERS = ["reports", "replies", "links"]
RUNS = 10_000


@pytest.mark.skipif(not find_spec("atheris"), reason="Atheris has no wheel for this machine")
@pytest.mark.parametrize("parser", PARSERS)
def test_ten_thousand_inputs_do_no_harm(parser, tmp_path):
    arguments = [parser, str(tmp_path), f"-runs={RUNS}"]

    done = subprocess.run(
        [sys.executable, "-m", "messages.tests.fuzz_driver", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"Done {RUNS} runs" in done.stderr
