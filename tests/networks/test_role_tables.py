"""The roles of well-known architectures are what the kept tables say, so that a change of a pattern shows."""

import pytest

from role_table_cases import ARCHITECTURES, BUILDERS, kept_tables, role_table

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("package, name", ARCHITECTURES)
def test_the_roles_of_a_known_architecture(package: str, name: str):
    pytest.importorskip(package) if package == "transformers" else None
    assert role_table(BUILDERS[package](name)) == kept_tables(package)[name]


@pytest.mark.parametrize("package", BUILDERS)
def test_no_kept_table_lets_a_known_exception_be_decayed(package: str):
    """What papers and training codes leave out: positions, tokens, sinks, gates per channel, gains."""
    words = (
        "cls_token",
        "pos_embed",
        "mask",
        "sinks",
        "time_",
        "layer_scale",
        "grn",
        "logit_scale",
        "A_log",
        "latent",
    )
    for name, lines in kept_tables(package).items():
        weights = [line.split()[1] for line in lines if line.startswith("weight")]
        raw = [w for w in weights if not w.endswith((".weight", "_proj"))]
        assert not [w for w in raw if any(word in w.rsplit(".", 1)[-1] for word in words)], name
