/* Trained cosines of numbers in front of the first layer, which sees the inputs and, of each number x,
 *
 *   e_u = c_u + Σ_f V_fu cos(ω_f x + φ_f)
 *
 * Unit by unit: rows lie side by side, so that every operation is one on whole vectors of rows. Behind the weights of
 * the layers a network has V (N, F, U), behind their biases c (N, U), filled up to a cache line, φ (N, F) and ω (N, F).
 */

#define UNITS_AT_MOST 8

/* x in quarter turns q and the rest r, |r| ≤ π/4, by three parts of π/2; then the Taylor series of sin r and cos r.
 * Beyond what REAL can tell the phase of, r is cut, so that both stay within ±1. */
#if REAL_BITS == 32
#define SINE_TERMS 4
#define COSINE_TERMS 5
#define ROUNDER 12582912.0f /* 1.5·2²³ */
#define HALF_PI_HIGH 1.5703125f
#define HALF_PI_MIDDLE 4.837512969970703125e-4f
#define HALF_PI_LOW 7.54978995489188216e-8f
#define TO_SIGN 30
#else
#define SINE_TERMS 8
#define COSINE_TERMS 8
#define ROUNDER 6755399441055744.0 /* 1.5·2⁵² */
#define HALF_PI_HIGH 1.57079632673412561417
#define HALF_PI_MIDDLE 6.07710050630396597660e-11
#define HALF_PI_LOW 2.02226624879595063154e-21
#define TO_SIGN 62
#endif

static const REAL NAME(sine_series)[] = {
    1, (REAL)(-1.0 / 6), (REAL)(1.0 / 120), (REAL)(-1.0 / 5040), (REAL)(1.0 / 362880), (REAL)(-1.0 / 39916800),
    (REAL)(1.0 / 6227020800.0), (REAL)(-1.0 / 1307674368000.0), (REAL)(1.0 / 355687428096000.0),
};
static const REAL NAME(cosine_series)[] = {
    1, (REAL)(-1.0 / 2), (REAL)(1.0 / 24), (REAL)(-1.0 / 720), (REAL)(1.0 / 40320), (REAL)(-1.0 / 3628800),
    (REAL)(1.0 / 479001600.0), (REAL)(-1.0 / 87178291200.0), (REAL)(1.0 / 20922789888000.0),
};

INLINE void NAME(sine_and_cosine)(REAL x, REAL *sine, REAL *cosine) {
    REAL shifted = x * (REAL)0.636619772367581343076 + (REAL)ROUNDER;
    REAL n = shifted - (REAL)ROUNDER;
    REAL r = x - n * (REAL)HALF_PI_HIGH;
    r -= n * (REAL)HALF_PI_MIDDLE;
    r -= n * (REAL)HALF_PI_LOW;
    r = r > (REAL)0.8 ? (REAL)0.8 : r; /* NaN, as the second, stays */
    r = r < (REAL)-0.8 ? (REAL)-0.8 : r;
    REAL square = r * r, s = NAME(sine_series)[SINE_TERMS], c = NAME(cosine_series)[COSINE_TERMS];
#pragma GCC unroll 16
    for (int k = SINE_TERMS - 1; k >= 0; k--) s = NAME(sine_series)[k] + square * s;
#pragma GCC unroll 16
    for (int k = COSINE_TERMS - 1; k >= 0; k--) c = NAME(cosine_series)[k] + square * c;
    s *= r;
    BITS q = NAME(bits_of)(shifted), odd = -(q & 1); /* all bits in an odd quarter */
    BITS s_bits = NAME(bits_of)(s), c_bits = NAME(bits_of)(c);
    BITS swapped = (s_bits ^ c_bits) & odd;
    *sine = NAME(of_bits)((BITS)((s_bits ^ swapped) ^ (BITS)((UBITS)(q & 2) << TO_SIGN)));
    *cosine = NAME(of_bits)((BITS)((c_bits ^ swapped) ^ (BITS)((UBITS)((q + 1) & 2) << TO_SIGN)));
}

/* Sine and cosine of ω x + φ for n numbers. */
static void NAME(waves)(int64_t n, REAL frequency, REAL phase, const REAL *restrict x, REAL *restrict sine,
                        REAL *restrict cosine) {
    for (int64_t i = 0; i < n; i++) NAME(sine_and_cosine)(frequency * x[i] + phase, sine + i, cosine + i);
}

/* What the first layer sees of the rows, into the work. */
static void NAME(embed)(NAME(Work) * work, const REAL *w, const NAME(Piece) * p) {
    const NAME(Job) *job = work->job;
    int64_t ld = p->ld, F = job->frequencies, U = job->units;
    NAME(transpose)(p->B, work->taken, p->x, work->ldx, work->seen, ld);
    for (int64_t n = 0; n < job->embedded; n++) {
        const REAL *x = work->seen + job->columns[n] * ld;
        REAL *e = work->seen + (work->taken + n * U) * ld;
        for (int64_t u = 0; u < U; u++)
            for (int64_t i = 0; i < ld; i++) e[u * ld + i] = w[work->c_at + n * U + u];
        for (int64_t f = n * F; f < (n + 1) * F; f++) {
            REAL *restrict cosine = work->cosines + f * ld;
            NAME(waves)(ld, w[work->frequency_at + f], w[work->phase_at + f], x, work->sines + f * ld, cosine);
            for (int64_t u = 0; u < U; u++) {
                REAL *restrict to = e + u * ld, v = w[work->v_at + f * U + u];
                for (int64_t i = 0; i < ld; i++) to[i] += v * cosine[i];
            }
        }
    }
}

/* The sum of a vector's numbers, in their order. */
INLINE REAL NAME(across)(V sum) {
    REAL total = 0;
    for (int i = 0; i < LANES; i++) total += sum[i];
    return total;
}

INLINE void NAME(add)(REAL *to, REAL more, int first) { *to = first ? more : *to + more; }

/* Gradients of the embedding, from the slopes at what the first layer puts out, delta (B, O′); see `backward`. */
static void NAME(backward_embedding)(NAME(Work) * work, const NAME(Piece) * p, const REAL *w, const REAL *delta,
                                     int first) {
    const NAME(Job) *job = work->job;
    int64_t ld = p->ld, F = job->frequencies, U = job->units, O = work->padded[0], N = job->embedded;
    REAL *g = work->gradient;
    NAME(transpose)(p->B, job->sizes[1], delta, O, work->turned_delta, ld);
    PART(PRODUCTS, NAME(product)(N * U, ld / LANES, job->sizes[1], w + work->w_at[0] + work->taken * O, O, 1,
                                 work->turned_delta, ld, work->sent, ld, NULL, 0));
    for (int64_t n = 0; n < N; n++) {
        const REAL *x = work->seen + job->columns[n] * ld, *sent = work->sent + n * U * ld;
        for (int64_t u = 0; u < U; u++) {
            V sum = {0};
            for (int64_t i = 0; i < ld; i += LANES) sum += *(const V *)(sent + u * ld + i);
            NAME(add)(g + work->c_at + n * U + u, NAME(across)(sum), first);
        }
        for (int64_t f = n * F; f < (n + 1) * F; f++) {
            const REAL *cosine = work->cosines + f * ld, *sine = work->sines + f * ld, *v = w + work->v_at + f * U;
            V of_phase = {0}, of_frequency = {0}, of_v[UNITS_AT_MOST] = {{0}};
            for (int64_t i = 0; i < ld; i += LANES) {
                V slope = {0}, c = *(const V *)(cosine + i);
                for (int64_t u = 0; u < U; u++) {
                    V e = *(const V *)(sent + u * ld + i);
                    of_v[u] += e * c;
                    slope += v[u] * e;
                }
                slope *= *(const V *)(sine + i);
                of_phase -= slope;
                of_frequency -= slope * *(const V *)(x + i);
            }
            for (int64_t u = 0; u < U; u++) NAME(add)(g + work->v_at + f * U + u, NAME(across)(of_v[u]), first);
            NAME(add)(g + work->phase_at + f, NAME(across)(of_phase), first);
            NAME(add)(g + work->frequency_at + f, NAME(across)(of_frequency), first);
        }
    }
}

#undef SINE_TERMS
#undef COSINE_TERMS
#undef ROUNDER
#undef HALF_PI_HIGH
#undef HALF_PI_MIDDLE
#undef HALF_PI_LOW
#undef TO_SIGN
#undef UNITS_AT_MOST
