"""Random numbers as a function of what they are for, never of what was drawn before.

A draw is seeded by a hash of (seed, fold, restart, purpose, step), so work can be cut, lost, repeated and resumed
with the same numbers, and nets that differ only in λ start alike and see the same batches.
"""

from __future__ import annotations

import hashlib

import torch

__all__ = ["generator", "hashed_seed"]


def hashed_seed(*parts: int | str) -> int:
    """A 63-bit seed from the parts, by SHA-256: neighbours in any part are unrelated."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator seeded with `hashed_seed(*parts)`."""
    return torch.Generator().manual_seed(hashed_seed(*parts))
