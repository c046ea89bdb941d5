#if REAL_BITS == 32
#define TANH_IS_ONE 10.0f
#else
#define TANH_IS_ONE 20.0
#endif

/* a = σ(z) in place, and ∂C/∂z = ∂C/∂a · σ′ with σ′ written in terms of a, over n numbers. */

/* e ↦ e/(e + 2) in place: tanh z of e = e²ᶻ − 1. */
INLINE void NAME(tanh_of_expm1)(int64_t n, REAL *restrict e) {
    int64_t i = 0;
#if REAL_BITS == 32 && defined(__AVX512F__)
    for (; i + 16 <= n; i += 16) {
        __m512 x = _mm512_loadu_ps(e + i);
        _mm512_storeu_ps(e + i, _mm512_mul_ps(x, inverse(_mm512_add_ps(x, _mm512_set1_ps(2)))));
    }
#endif
    for (; i < n; i++) e[i] = e[i] / (e[i] + 2);
}

static void NAME(activate)(int activation, int64_t n, REAL *restrict z) {
    switch (activation) {
    case RELU:
        for (int64_t i = 0; i < n; i++) z[i] = z[i] < 0 ? 0 : z[i];
        break;
    case TANH: /* e²ᶻ − 1 over e²ᶻ + 1, to all digits of a small z; beyond TANH_IS_ONE it is ±1, and e²ᶻ has no inverse */
        for (int64_t i = 0; i < n; i++) {
            REAL twice = 2 * z[i];
            twice = twice > 2 * TANH_IS_ONE ? 2 * TANH_IS_ONE : twice;
            z[i] = twice < -2 * TANH_IS_ONE ? -2 * TANH_IS_ONE : twice;
        }
        for (int64_t i = 0; i < n; i++) z[i] = NAME(expm1)(z[i]);
        NAME(tanh_of_expm1)(n, z);
        break;
    case LOGISTIC:
        for (int64_t i = 0; i < n; i++) z[i] = NAME(bounded)(-z[i]);
        for (int64_t i = 0; i < n; i++) z[i] = 1 / (1 + NAME(exp)(z[i]));
        break;
    }
}

static void NAME(slope)(int activation, int64_t n, REAL *restrict delta, const REAL *restrict a) {
    switch (activation) {
    case RELU:
        for (int64_t i = 0; i < n; i++) delta[i] = a[i] > 0 ? delta[i] : 0;
        break;
    case TANH:
        for (int64_t i = 0; i < n; i++) delta[i] *= 1 - a[i] * a[i];
        break;
    case LOGISTIC:
        for (int64_t i = 0; i < n; i++) delta[i] *= a[i] * (1 - a[i]);
        break;
    }
}

#undef TANH_IS_ONE
