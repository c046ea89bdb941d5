"""The same swarms by evosax, as fast as it goes: compiled, and all λs of a fold in one `vmap`.

Its PSO draws one pair of random numbers a particle for all dimensions, and has no velocity limit and no bounds: the
work is the same, the search is not.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from evosax.algorithms.population_based.pso import PSO

__all__ = ["by_evosax"]


def by_evosax(
    X: np.ndarray,
    y: np.ndarray,
    sizes: tuple[int, int, int],
    lambdas: np.ndarray,
    settings: dict[str, float],
    seed: int,
) -> np.ndarray:
    """(L,) the penalized training error at which each λ's swarm ends, for one fold; float32, JAX's own.

    `settings` has particles, iterations, w and c.
    """
    keys = jax.random.split(jax.random.key(seed), len(lambdas))
    run = _compiled(sizes, **settings)
    return np.asarray(
        run(jnp.asarray(X, jnp.float32), jnp.asarray(y), jnp.asarray(lambdas, jnp.float32), keys)
    )


@cache
def _compiled(sizes: tuple[int, int, int], particles: int, iterations: int, w: float, c: float) -> Any:
    i, h, o = sizes
    strategy = PSO(population_size=int(particles), solution=jnp.zeros(i * h + h * o + h + o))
    constants = strategy.default_params.replace(inertia_coeff=w, cognitive_coeff=c, social_coeff=c)

    def swarm(X: Any, y: Any, lam: Any, key: Any) -> Any:
        error = jax.vmap(partial(_error, sizes, X, y, lam))
        key, start = jax.random.split(key)
        positions = jax.random.uniform(start, (int(particles), strategy.num_dims), minval=-1, maxval=1)
        state = strategy.init(key, positions, error(positions), constants)

        def iteration(state: Any, key: Any) -> tuple[Any, None]:
            positions, state = strategy.ask(key, state, constants)
            return strategy.tell(key, positions, error(positions), state, constants)[0], None

        state, _ = jax.lax.scan(iteration, state, jax.random.split(key, int(iterations)))
        return state.fitness_best.min()

    return jax.jit(jax.vmap(swarm, in_axes=(None, None, 0, 0)))


def _error(sizes: tuple[int, int, int], X: Any, y: Any, lam: Any, w: Any) -> Any:
    """Mean loss plus penalty of one particle: weights before biases, biases exempt."""
    i, h, o = sizes
    weights = i * h + h * o
    hidden = jnp.tanh(X @ w[: i * h].reshape(i, h) + w[weights : weights + h])
    z = hidden @ w[i * h : weights].reshape(h, o) + w[weights + h :]
    loss = (
        jnp.logaddexp(0, z[:, 0]) - z[:, 0] * y
        if o == 1
        else -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)
    )
    return loss.mean() + lam / 2 * jnp.square(w[:weights]).sum()
