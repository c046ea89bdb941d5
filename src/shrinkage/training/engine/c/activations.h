/* a = σ(z) in place, and ∂C/∂z = ∂C/∂a · σ′ with σ′ written in terms of a, over n numbers. */

#if REAL_BITS == 32

/* tanh z = z P(z²)/Q(z²) of degrees 4 and 4, for |z| ≤ 9.02, where tanh rounds to 1 in float: accurate to 2·10⁻⁸ of
 * its size, by a linear program over 1,800 points. With rounding, the error is three units in the last place. */
#define ONE_FROM 81.36f /* z² from which z P/Q is 1 or more; it is clipped there */
static const float tanh_over[] = {1, 0.13379767414797994f, 0.0034940911971420375f, 2.05843311799323e-05f,
                                  1.3320100855265219e-08f};
static const float tanh_under[] = {1, 0.467130827785473f, 0.025871294109187554f, 0.00032831818879327764f,
                                   7.7624717031637e-07f};

static void NAME(tanh)(int64_t n, float *restrict z) {
    int64_t i = 0;
#if defined(__AVX512F__)
    const __m512 end = _mm512_set1_ps(ONE_FROM), one = _mm512_set1_ps(1), minus_one = -one;
    for (; i + 16 <= n; i += 16) {
        __m512 x = _mm512_loadu_ps(z + i), square = _mm512_min_ps(end, _mm512_mul_ps(x, x)); /* keeps NaN */
        __m512 over = _mm512_set1_ps(tanh_over[4]), under = _mm512_set1_ps(tanh_under[4]);
#pragma GCC unroll 4
        for (int k = 3; k >= 0; k--) {
            over = _mm512_fmadd_ps(square, over, _mm512_set1_ps(tanh_over[k]));
            under = _mm512_fmadd_ps(square, under, _mm512_set1_ps(tanh_under[k]));
        }
        x = _mm512_mul_ps(_mm512_mul_ps(x, over), inverse(under));
        _mm512_storeu_ps(z + i, _mm512_min_ps(one, _mm512_max_ps(minus_one, x)));
    }
#endif
    for (; i < n; i++) {
        float square = z[i] * z[i], over = tanh_over[4], under = tanh_under[4];
        square = square > ONE_FROM ? ONE_FROM : square;
#pragma GCC unroll 4
        for (int k = 3; k >= 0; k--) over = tanh_over[k] + square * over, under = tanh_under[k] + square * under;
        float x = z[i] * over / under;
        x = x > 1 ? 1 : x;
        z[i] = x < -1 ? -1 : x;
    }
}

#else

#define TANH_IS_ONE 20.0

/* e²ᶻ − 1 over e²ᶻ + 1, to all digits of a small z; beyond TANH_IS_ONE it is ±1. */
static void NAME(tanh)(int64_t n, REAL *restrict z) {
    for (int64_t i = 0; i < n; i++) {
        REAL twice = 2 * z[i];
        twice = twice > 2 * TANH_IS_ONE ? 2 * TANH_IS_ONE : twice;
        z[i] = twice < -2 * TANH_IS_ONE ? -2 * TANH_IS_ONE : twice;
    }
    for (int64_t i = 0; i < n; i++) z[i] = NAME(expm1)(z[i]);
    for (int64_t i = 0; i < n; i++) z[i] = z[i] / (z[i] + 2);
}

#endif

static void NAME(activate)(int activation, int64_t n, REAL *restrict z) {
    switch (activation) {
    case RELU:
        for (int64_t i = 0; i < n; i++) z[i] = z[i] < 0 ? 0 : z[i];
        break;
    case TANH: NAME(tanh)(n, z); break;
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
#undef ONE_FROM
