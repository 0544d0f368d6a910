"""Real mail is read as well as was promised; see benchmarks/corpora.py."""

import pytest

from benchmarks import corpora


@pytest.fixture(scope="module")
def figures() -> dict[str, corpora.Figure]:
    folder = corpora.folder()
    if not (folder / "bounces.jsonl").is_file():
        pytest.skip(f"no corpora in {folder}: set CORPORA_DIR")
    return {figure.name: figure for figure in corpora.measure(folder)}


@pytest.mark.parametrize("name", corpora.NAMES)
def test_real_mail_is_read_as_well_as_promised(
    figures: dict[str, corpora.Figure], name: str
) -> None:
    figure = figures[name]

    assert figure.total > 0
    assert figure.is_reached, f"{figure}\n" + "\n".join(figure.wrong)
