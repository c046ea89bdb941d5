"""Every known convention, one entry each, by the family of packages it comes from."""

from shrinkage.strength._catalogue import _entry_words, _jax, _keras, _sklearn, _third, _timm, _torch

__all__ = ["ENTRIES"]

ENTRIES = (
    *_entry_words.ENTRIES,
    *_torch.ENTRIES,
    *_sklearn.ENTRIES,
    *_keras.ENTRIES,
    *_jax.ENTRIES,
    *_timm.ENTRIES,
    *_third.ENTRIES,
)
