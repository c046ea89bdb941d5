/* One step of the optimizer and of the decay toward 0, in one pass over the parameters.
 *
 * The decay is one of three, and neutral in the other two:
 *   in the gradient   g ← g + strength·w, or strength·sgn w for L1
 *   before the step   w ← w·keep_before
 *   after it          w ← w·keep_after
 */

typedef struct {
    REAL lr;                             /* η; of Adam η/(1 − β₁ᵗ) */
    REAL momentum;                       /* of SGD */
    REAL beta1, beta2, correction, eps;  /* of Adam: correction is √(1 − β₂ᵗ) */
    REAL strength, keep_before, keep_after;
} NAME(Step);

INLINE REAL NAME(pulled)(const int force, REAL g, REAL w, REAL strength) {
    if (force == L1_FORCE) return g + strength * (REAL)((w > 0) - (w < 0));
    return g + strength * w;
}

INLINE void NAME(sgd)(const int nesterov, const int force, int64_t n, REAL *restrict w, const REAL *restrict gradient,
                      REAL *restrict buffer, const NAME(Step) * s) {
    for (int64_t i = 0; i < n; i++) {
        REAL g = NAME(pulled)(force, gradient[i], w[i], s->strength);
        REAL b = s->momentum * buffer[i] + g;
        buffer[i] = b;
        REAL u = nesterov ? g + s->momentum * b : b;
        w[i] = (w[i] * s->keep_before - s->lr * u) * s->keep_after;
    }
}

INLINE void NAME(plain_sgd)(const int force, int64_t n, REAL *restrict w, const REAL *restrict gradient,
                            const NAME(Step) * s) {
    for (int64_t i = 0; i < n; i++) {
        REAL g = NAME(pulled)(force, gradient[i], w[i], s->strength);
        w[i] = (w[i] * s->keep_before - s->lr * g) * s->keep_after;
    }
}

/* Its gradients are multiplied by √(1 − β₂) beforehand, which saves a product for v and avoids
 * overflow for huge gradients. */
INLINE void NAME(adam)(const int force, int64_t n, REAL *restrict w, const REAL *restrict gradient, REAL *restrict m,
                       REAL *restrict v, const NAME(Step) * s) {
    int64_t i = 0;
    REAL scale = NAME(root)(1 - s->beta2), strength = s->strength * scale, inverse = 1 / s->correction;
    REAL keep = s->keep_before * s->keep_after;
    REAL lr = s->lr * (1 - s->beta1) / scale * s->keep_after; /* m is stored in units of (1 − β₁)/√(1 − β₂) */
#if REAL_BITS == 32 && defined(__AVX512F__)
    if (force == L2_FORCE)
        for (; i + 16 <= n; i += 16) {
            __m512 wi = _mm512_loadu_ps(w + i), mi = _mm512_loadu_ps(m + i), vi = _mm512_loadu_ps(v + i);
            __m512 g = _mm512_fmadd_ps(_mm512_set1_ps(strength), wi, _mm512_loadu_ps(gradient + i));
            mi = _mm512_fmadd_ps(_mm512_set1_ps(s->beta1), mi, g);
            vi = _mm512_fmadd_ps(g, g, _mm512_mul_ps(_mm512_set1_ps(s->beta2), vi));
            _mm512_storeu_ps(m + i, mi);
            _mm512_storeu_ps(v + i, vi);
            __m512 u = over_root_plus(mi, vi, _mm512_set1_ps(inverse), _mm512_set1_ps(s->eps));
            wi = _mm512_fnmadd_ps(u, _mm512_set1_ps(lr), _mm512_mul_ps(wi, _mm512_set1_ps(keep)));
            _mm512_storeu_ps(w + i, wi);
        }
#endif
    for (; i < n; i++) {
        REAL g = NAME(pulled)(force, gradient[i], w[i], strength);
        m[i] = s->beta1 * m[i] + g;
        v[i] = s->beta2 * v[i] + g * g;
        w[i] = w[i] * keep - lr * m[i] / (NAME(root)(v[i]) * inverse + s->eps);
    }
}

INLINE void NAME(step_with)(const int force, int optimizer, int64_t n, REAL *w, const REAL *g, REAL *m, REAL *v,
                            const NAME(Step) * s) {
    switch (optimizer) {
    case SGD: NAME(plain_sgd)(force, n, w, g, s); break;
    case MOMENTUM: NAME(sgd)(0, force, n, w, g, m, s); break;
    case NESTEROV: NAME(sgd)(1, force, n, w, g, m, s); break;
    default: NAME(adam)(force, n, w, g, m, v, s);
    }
}

static void NAME(step)(int optimizer, int force, int64_t n, REAL *w, const REAL *g, REAL *m, REAL *v,
                       const NAME(Step) * s) {
    if (force == L1_FORCE)
        NAME(step_with)(L1_FORCE, optimizer, n, w, g, m, v, s);
    else
        NAME(step_with)(L2_FORCE, optimizer, n, w, g, m, v, s);
}
