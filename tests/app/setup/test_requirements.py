from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.setup.environment import REQUIREMENTS, ROOT
from app.setup.requirements import Requirement, installed_version, read_requirements, unmet

releases = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@pytest.mark.parametrize(
    ("bounds", "version", "admitted"),
    [
        (("==", "1.26.4"), "1.26.4", True),
        (("==", "1.26.4"), "1.26.40", False),
        (("==", "2.8"), "2.8.0", True),
        (("<=", "2.13.0"), "2.13.0+cpu", True),
        (("<=", "2.13.0"), "2.13.1", False),
        ((">=", "2.8"), "2.10.0", True),
        (("<", "2"), "2.0.0rc1", False),
        (("!=", "5.1"), "5.1.0", False),
    ],
)
def test_versions_compare_by_their_numbers(bounds: tuple[str, str], version: str, admitted: bool):
    assert Requirement("x", (bounds,)).admits(version) is admitted


@given(releases, releases)
def test_a_version_lies_on_one_side_of_another(left: str, right: str):
    signs = [sign for sign in ("<", "==", ">") if Requirement("x", ((sign, right),)).admits(left)]
    assert len(signs) == 1


def test_comments_and_empty_lines_are_left_out(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("# why\n\nnumpy==1.26.4  # reason\ntorch >= 2.8, <= 2.13.0\nplain\n")
    assert [str(line) for line in read_requirements(file)] == ["numpy==1.26.4", "torch>=2.8,<=2.13.0", "plain"]


@pytest.mark.parametrize("line", ["x @ https://example.org/x.whl", "-e .", "x; python_version < '3'", "x~=1.0"])
def test_a_line_that_cannot_be_checked_is_an_error(line: str, tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text(line)
    with pytest.raises(ValueError, match="expected a line such as"):
        read_requirements(file)


def test_a_missing_and_a_wrong_version_are_unmet():
    version = installed_version("pytest")
    assert version is not None
    lines = [Requirement("pytest", (("==", version),)), Requirement("pytest", (("<", "1"),)), Requirement("no-such-package", ())]
    assert unmet(lines) == lines[1:]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_bound_and_has_its_reason(name: str):
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert "=" in line and line.partition("#")[2].strip(), line


def test_the_page_and_the_space_use_the_same_gradio():
    (gradio,) = [line for line in read_requirements(REQUIREMENTS) if line.name == "gradio"]
    assert f"sdk_version: {gradio.bounds[0][1]}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
