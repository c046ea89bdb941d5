/* exp, expm1, log and log1p as branch-free arithmetic, so that a loop over rows becomes vector instructions.
 *
 * eˣ = 2ⁿ(1 + p), n = round(x/ln 2), p the Taylor series of eʳ − 1 in |r| ≤ ½ ln 2.
 * log x = n ln 2 + 2 artanh s, s = (m − 1)/(m + 1), m the mantissa in [√½, √2).
 * The series end below one unit in the last place of REAL; NaN stays NaN.
 */

#if REAL_BITS == 32
#define EXP_TERMS 7
#define LOG_TERMS 4
#define LOG1P_TERMS 7
#define EXP_MAX 88.0f
#define EXP_MIN -87.0f
#define ROUNDER 12582912.0f /* 1.5·2²³: adding it rounds to a whole number */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define EXPONENT_BIAS 127
#define MANTISSA_BITS 23
#define SQRT_HALF_BITS 0x3f3504f3
#else
#define EXP_TERMS 13
#define LOG_TERMS 11
#define LOG1P_TERMS 17
#define EXP_MAX 709.0
#define EXP_MIN -708.0
#define ROUNDER 6755399441055744.0 /* 1.5·2⁵² */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define EXPONENT_BIAS 1023
#define MANTISSA_BITS 52
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdLL
#endif

INLINE REAL NAME(of_bits)(BITS bits) {
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE BITS NAME(bits_of)(REAL x) {
    BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The number of elements, rounded up to whole cache lines. */
INLINE int64_t NAME(filled)(int64_t count) {
    const int64_t line = CACHE_LINE / (int64_t)sizeof(REAL);
    return (count + line - 1) / line * line;
}

/* x clipped to where eˣ is a normal number. A separate loop does this before `exp` and `expm1`: inside theirs, compilers
 * compute a separate division for each of the three cases. */
INLINE REAL NAME(bounded)(REAL x) {
    x = x > (REAL)EXP_MAX ? (REAL)EXP_MAX : x;
    return x < (REAL)EXP_MIN ? (REAL)EXP_MIN : x;
}

static const REAL NAME(inverse_factorial)[] = {
    1, 1, (REAL)(1.0 / 2), (REAL)(1.0 / 6), (REAL)(1.0 / 24), (REAL)(1.0 / 120), (REAL)(1.0 / 720), (REAL)(1.0 / 5040),
    (REAL)(1.0 / 40320), (REAL)(1.0 / 362880), (REAL)(1.0 / 3628800), (REAL)(1.0 / 39916800), (REAL)(1.0 / 479001600),
    (REAL)(1.0 / 6227020800.0),
};

/* p = eʳ − 1 into *p; returns 2ⁿ. */
INLINE REAL NAME(split_exp)(REAL x, REAL *p) {
    REAL shifted = x * (REAL)1.44269504088896340736 + (REAL)ROUNDER;
    REAL n = shifted - (REAL)ROUNDER;
    REAL r = x - n * (REAL)LN2_HIGH;
    r -= n * (REAL)LN2_LOW;
    REAL series = NAME(inverse_factorial)[EXP_TERMS];
#pragma GCC unroll 16
    for (int k = EXP_TERMS - 1; k > 0; k--) series = NAME(inverse_factorial)[k] + r * series;
    *p = r * series;
    BITS exponent = NAME(bits_of)(shifted) - NAME(bits_of)((REAL)ROUNDER) + EXPONENT_BIAS;
    return NAME(of_bits)(exponent << MANTISSA_BITS);
}

/* eˣ and eˣ − 1 of a bounded x */
INLINE REAL NAME(exp)(REAL x) {
    REAL p, scale = NAME(split_exp)(x, &p);
    return scale * p + scale;
}

INLINE REAL NAME(expm1)(REAL x) {
    REAL p, scale = NAME(split_exp)(x, &p);
    return scale * p + (scale - 1);
}

/* 2 artanh s = 2s (1 + s²/3 + s⁴/5 + …) */
INLINE REAL NAME(twice_artanh)(REAL s, const int terms) {
    REAL square = s * s, series = (REAL)1 / (REAL)(2 * terms + 1);
    for (int k = terms - 1; k >= 0; k--) series = (REAL)1 / (REAL)(2 * k + 1) + square * series;
    return 2 * s * series;
}

/* log x for normal x > 0 */
INLINE REAL NAME(log)(REAL x) {
    BITS bits = NAME(bits_of)(x);
    BITS n = (bits - (BITS)SQRT_HALF_BITS) >> MANTISSA_BITS;
    REAL m = NAME(of_bits)(bits - (n << MANTISSA_BITS));
    return (REAL)n * (REAL)0.693147180559945309417 + NAME(twice_artanh)((m - 1) / (m + 1), LOG_TERMS);
}

/* log(1 + u) of s = u/(2 + u) for 0 ≤ u ≤ 1, to all digits of a small u */
INLINE REAL NAME(log1p_of)(REAL s) { return NAME(twice_artanh)(s, LOG1P_TERMS); }

/* to ← u/(2 + u) */
INLINE void NAME(over_two_more)(int64_t n, const REAL *restrict u, REAL *restrict to) {
    int64_t i = 0;
#if REAL_BITS == 32 && defined(__AVX512F__)
    for (; i + 16 <= n; i += 16) {
        __m512 x = _mm512_loadu_ps(u + i);
        _mm512_storeu_ps(to + i, _mm512_mul_ps(x, inverse(_mm512_add_ps(x, _mm512_set1_ps(2)))));
    }
#endif
    for (; i < n; i++) to[i] = u[i] / (2 + u[i]);
}

#undef EXP_TERMS
#undef LOG_TERMS
#undef LOG1P_TERMS
#undef EXP_MAX
#undef EXP_MIN
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef EXPONENT_BIAS
#undef MANTISSA_BITS
#undef SQRT_HALF_BITS
