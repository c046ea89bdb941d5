"""What stands beside the package says the same as it: the version, the commands, the files that are shipped."""

import re
import tomllib
from pathlib import Path

import shrinkage

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_citation_names_this_version_and_license():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {shrinkage.__version__.partition('.dev')[0]}\n" in citation
    assert f"\nlicense: {PROJECT['project']['license']}\n" in citation


def test_every_file_of_the_sdist_exists():
    files = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [name for name in files if not (ROOT / name[1:]).exists()] == []


def test_every_script_of_the_makefile_exists():
    text = (ROOT / "Makefile").read_text()
    scripts = set(re.findall(r"^\t(\.ci/\w+)", text, re.MULTILINE))
    assert len(scripts) >= 3
    assert [name for name in scripts if not (ROOT / name).exists()] == []


def test_every_target_of_the_makefile_is_listed_and_explained():
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):", text, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert phony[1].split() == targets
    assert len(re.findall(r"^[a-z]+:  ## \S", text, re.MULTILINE)) == len(targets)


def test_each_golden_model_is_of_a_released_or_coming_version():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    for folder in (ROOT / "tests" / "data").glob("model-*"):
        assert f"## [{folder.name.removeprefix('model-')}.0]" in changelog
