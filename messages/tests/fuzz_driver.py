"""Read whatever Atheris makes of samples, led by what lines of a parser it reaches. A process of
its own: `python -m messages.tests.fuzz_driver PARSER NEW_INPUTS [libFuzzer's own arguments]`.

It ends with another status than 0 where an exception comes out, where one input takes longer or
more memory than it may, and then leaves that input in the directory NEW_INPUTS.
"""

import resource
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["messages"]):
    from messages import classifier, reports
    from messages.smtp.replies import Reply
    from messages.tracked import html

SAMPLES = Path(__file__).parent / "reports"
# Seconds that one input may take, and its octets.
LIMITS = ["-timeout=10", "-rss_limit_mb=0", "-max_len=8192"]
# Octets that all of them may take. Not libFuzzer's own limit: that counts what the process was
# before this program was loaded into it, a whole test run.
MEMORY = 512 << 20


def read_report(octets: bytes) -> None:
    reports.is_other(octets)
    for report in reports.read(octets):
        assert report.kind in {"bounce", "soft_bounce", "blocked", "complaint"}


def judge_reply(octets: bytes) -> None:
    code = 400 + octets[0] % 200 if octets else 550
    judgement = classifier.of_reply(Reply(code, "", octets[1:].decode("utf-8", "replace")), None)
    assert judgement.kind != "bounce" or code >= 500


def find_links(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    end = 0
    for place in html.places(text, opens=True, clicks=True, is_utf8=True):
        assert end <= place.start <= place.end <= len(text)
        end = place.end


PARSERS = {"reports": read_report, "replies": judge_reply, "links": find_links}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    parser, new_inputs, *arguments = sys.argv[1:]
    kept = f"-artifact_prefix={new_inputs}/"
    samples = [str(path) for path in {path.parent for path in SAMPLES.rglob("*.eml")}]
    atheris.Setup([sys.argv[0], *LIMITS, kept, *arguments, new_inputs, *samples], PARSERS[parser])
    atheris.Fuzz()
