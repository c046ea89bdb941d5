"""The page of the rules names all that a path takes by name."""

import re
from pathlib import Path

from shrinkage.rules import CATALOGUE

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_every_name_that_a_path_takes_is_on_the_page():
    table = PAGE.read_text(encoding="utf-8").split("| name | rule |")[1].split("\n\n")[0]
    names = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", " ".join(names))) == set(CATALOGUE)
