"""The compiled engine: small networks, and the particles of swarms, in C (`c/`), and their faces in Python.

What it computes is defined by the torch forms beside this folder, and tested against them.
"""

from shrinkage.training.engine._engine_library import engine_build, engine_name

__all__ = ["engine_build", "engine_name"]
