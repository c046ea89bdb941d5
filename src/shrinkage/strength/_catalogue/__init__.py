"""Every known convention, one entry each, by the family of packages it comes from."""

from shrinkage.strength._catalogue import _jax, _keras, _sklearn, _third, _torch, _words

__all__ = ["ENTRIES"]

ENTRIES = (
    *_words.ENTRIES,
    *_torch.ENTRIES,
    *_sklearn.ENTRIES,
    *_keras.ENTRIES,
    *_jax.ENTRIES,
    *_third.ENTRIES,
)
