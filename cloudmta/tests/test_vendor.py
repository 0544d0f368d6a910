"""What others wrote and we serve: each file is the one on record, and asks for no other."""

import hashlib
import json
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "vendor.json").read_text())
FILES = [
    (VENDOR / package["folder"] / name, digest)
    for package in PACKAGES
    for name, digest in package["files"].items()
]


@pytest.mark.parametrize(("path", "digest"), FILES, ids=lambda one: getattr(one, "name", ""))
def test_a_file_is_the_one_on_record(path, digest):
    assert hashlib.sha512(path.read_bytes()).hexdigest() == digest


def test_every_file_is_on_record():
    there = {path for path in VENDOR.rglob("*") if path.is_file() and path.name != "vendor.json"}

    assert there == {path for path, _ in FILES}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one["name"])
def test_a_package_says_where_it_is_from_and_on_what_terms(package):
    assert package["version"] in package["folder"]
    assert package["licence"]
    assert package["integrity"].startswith("sha512-")
    assert "LICENSE" in package["files"]


@pytest.mark.parametrize("path", [path for path, _ in FILES], ids=lambda path: path.name)
def test_a_file_asks_for_no_map_and_loads_nothing_from_elsewhere(path):
    text = path.read_text()

    # collectstatic rewrites the address of a source map, and fails where there is none.
    assert "sourceMappingURL" not in text
    assert not re.search(r"""(url\(|@import|fetch\(|src=)\s*["']?https?:""", text)
