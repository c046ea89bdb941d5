/* The loss of each row, its slope at the linear outputs, and the row's share of the metric.
 *
 * Stored unit by unit: z, y and the slopes are (C, B) with contiguous rows, so a loop over rows becomes vector
 * instructions for any number of outputs. Loops run to the end of the last cache line (`n`), so there is no
 * remainder loop; sums over rows stop at B and are in double.
 */

#define SPARE_ROWS 4

/* C outputs of B rows, ld from one output to the next. */
typedef struct {
    int64_t C, B, ld;
    const REAL *z, *y, *weight; /* weight NULL for 1 */
    REAL *loss, *spare;         /* spare: SPARE_ROWS rows of ld */
    REAL *slope;                /* NULL if not needed */
    double *hits;               /* (C,) squared errors for R², else (1,) correct rows; NULL if not needed */
    REAL level;                 /* of the quantile, or Huber's δ */
    const REAL *levels;         /* (C,) of several quantiles, or NULL for the one */
} NAME(Scored);

/* Σ s x over n numbers, s NULL for 1. */
INLINE double NAME(weighted_sum)(int64_t n, const REAL *restrict x, const REAL *restrict s) {
    double total = 0;
    if (s) {
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < n; i++) total += (double)x[i] * s[i];
    } else {
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < n; i++) total += x[i];
    }
    return total;
}

/* Count the rows whose largest output (the first of equals) is that of their class. */
static void NAME(count_right)(const NAME(Scored) *s, REAL *restrict top, REAL *restrict best, REAL *restrict target) {
    int64_t n = NAME(filled)(s->B);
    for (int64_t i = 0; i < n; i++) top[i] = s->z[i], best[i] = target[i] = 0;
    for (int64_t c = 1; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) {
            best[i] = z[i] > top[i] ? (REAL)c : best[i];
            top[i] = z[i] > top[i] ? z[i] : top[i];
            target[i] = y[i] > 0 ? (REAL)c : target[i];
        }
    }
    for (int64_t i = 0; i < n; i++) best[i] = best[i] == target[i] ? 1 : 0;
    s->hits[0] += NAME(weighted_sum)(s->B, best, s->weight);
}

static void NAME(softmax)(const NAME(Scored) *s) {
    int64_t C = s->C, n = NAME(filled)(s->B), ld = s->ld;
    REAL *restrict top = s->spare, *restrict sum = s->spare + ld, *restrict own = s->spare + 2 * ld;
    REAL *restrict loss = s->loss;
    if (s->hits) NAME(count_right)(s, top, sum, own);
    for (int64_t i = 0; i < n; i++) top[i] = s->z[i], sum[i] = own[i] = 0;
    for (int64_t c = 1; c < C; c++)
        for (int64_t i = 0; i < n; i++) top[i] = s->z[c * ld + i] > top[i] ? s->z[c * ld + i] : top[i];
    for (int64_t c = 0; c < C; c++) {
        const REAL *restrict z = s->z + c * ld, *restrict y = s->y + c * ld;
        REAL *restrict e = s->slope ? s->slope + c * ld : s->spare + 3 * ld;
        for (int64_t i = 0; i < n; i++) e[i] = z[i] - top[i], own[i] += y[i] * e[i];
        for (int64_t i = 0; i < n; i++) e[i] = NAME(bounded)(e[i]);
        for (int64_t i = 0; i < n; i++) e[i] = NAME(exp)(e[i]), sum[i] += e[i];
    }
    for (int64_t i = 0; i < n; i++) loss[i] = NAME(log)(sum[i]) - own[i];
    if (!s->slope) return;
    for (int64_t i = 0; i < n; i++) sum[i] = 1 / sum[i];
    for (int64_t c = 0; c < C; c++) {
        const REAL *restrict y = s->y + c * ld;
        REAL *restrict e = s->slope + c * ld;
        for (int64_t i = 0; i < n; i++) e[i] = e[i] * sum[i] - y[i];
    }
}

/* Logistic losses of all outputs, each times `share`. */
INLINE void NAME(logistic_outputs)(const NAME(Scored) *s, REAL share) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict loss = s->loss, *restrict u = s->spare, *restrict ratio = s->spare + s->ld;
    for (int64_t i = 0; i < n; i++) loss[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) u[i] = NAME(bounded)(z[i] < 0 ? z[i] : -z[i]);
        for (int64_t i = 0; i < n; i++) u[i] = NAME(exp)(u[i]);
        NAME(over_two_more)(n, u, ratio);
        for (int64_t i = 0; i < n; i++) {
            REAL t = z[i] * (1 - 2 * y[i]);
            loss[i] += ((t < 0 ? 0 : t) + NAME(log1p_of)(ratio[i])) * share;
        }
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++) slope[i] = ((z[i] < 0 ? u[i] : 1) / (1 + u[i]) - y[i]) * share;
    }
}

static void NAME(logistic)(const NAME(Scored) *s) {
    int64_t B = s->B, n = NAME(filled)(B);
    REAL *restrict ratio = s->spare + s->ld;
    NAME(logistic_outputs)(s, 1);
    if (!s->hits) return;
    for (int64_t i = 0; i < n; i++) ratio[i] = (s->z[i] > 0) == (s->y[i] > (REAL)0.5) ? 1 : 0; /* right or not */
    s->hits[0] += NAME(weighted_sum)(B, ratio, s->weight);
}

/* Mean of the logistic losses over the labels; a row is correct if all its labels are. */
static void NAME(multilabel)(const NAME(Scored) *s) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict right = s->spare;
    NAME(logistic_outputs)(s, 1 / (REAL)s->C);
    if (!s->hits) return;
    for (int64_t i = 0; i < n; i++) right[i] = 1;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) right[i] = (z[i] > 0) == (y[i] > (REAL)0.5) ? right[i] : 0;
    }
    s->hits[0] += NAME(weighted_sum)(s->B, right, s->weight);
}

static void NAME(squared_error)(const NAME(Scored) *s) {
    int64_t B = s->B, n = NAME(filled)(B);
    REAL *restrict loss = s->loss, *restrict miss = s->spare, *restrict square = s->spare + s->ld;
    REAL share = 1 / (REAL)s->C;
    for (int64_t i = 0; i < n; i++) loss[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) miss[i] = z[i] - y[i], square[i] = miss[i] * miss[i], loss[i] += square[i] * share;
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++) slope[i] = miss[i] * (2 * share);
        if (s->hits) s->hits[c] += NAME(weighted_sum)(B, square, s->weight);
    }
}

/* Σ s r² of one output, r kept in `miss`. */
static void NAME(add_squares)(const NAME(Scored) *s, int64_t c, REAL *restrict miss) {
    int64_t n = NAME(filled)(s->B);
    for (int64_t i = 0; i < n; i++) miss[i] *= miss[i];
    if (s->hits) s->hits[c] += NAME(weighted_sum)(s->B, miss, s->weight);
}

static void NAME(absolute_error)(const NAME(Scored) *s) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict loss = s->loss, *restrict miss = s->spare;
    REAL share = 1 / (REAL)s->C;
    for (int64_t i = 0; i < n; i++) loss[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) miss[i] = z[i] - y[i], loss[i] += (miss[i] < 0 ? -miss[i] : miss[i]) * share;
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++) slope[i] = (miss[i] > 0 ? share : 0) - (miss[i] < 0 ? share : 0);
        NAME(add_squares)(s, c, miss);
    }
}

static void NAME(huber)(const NAME(Scored) *s) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict loss = s->loss, *restrict miss = s->spare;
    REAL share = 1 / (REAL)s->C, level = s->level;
    for (int64_t i = 0; i < n; i++) loss[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) {
            miss[i] = z[i] - y[i];
            REAL far = miss[i] < 0 ? -miss[i] : miss[i], near = far > level ? level : far;
            loss[i] += near * (2 * far - near) * share;
        }
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++) {
                REAL r = miss[i] > level ? level : miss[i];
                slope[i] = (r < -level ? -level : r) * (2 * share);
            }
        NAME(add_squares)(s, c, miss);
    }
}

/* Its hits are the rows whose targets are at or below the outputs, averaged over outputs. */
static void NAME(quantile)(const NAME(Scored) *s) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict loss = s->loss, *restrict below = s->spare;
    REAL share = 1 / (REAL)s->C;
    for (int64_t i = 0; i < n; i++) loss[i] = below[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        REAL level = s->levels ? s->levels[c] : s->level;
        for (int64_t i = 0; i < n; i++) {
            REAL r = z[i] - y[i];
            loss[i] += (r < 0 ? -level * r : (1 - level) * r) * share;
            below[i] += r < 0 ? 0 : share;
        }
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++)
                slope[i] = (z[i] > y[i] ? (1 - level) * share : 0) - (z[i] < y[i] ? level * share : 0);
    }
    if (s->hits) s->hits[0] += NAME(weighted_sum)(s->B, below, s->weight);
}

static void NAME(poisson)(const NAME(Scored) *s) {
    int64_t n = NAME(filled)(s->B);
    REAL *restrict loss = s->loss, *restrict mean = s->spare, *restrict own = s->spare + s->ld;
    REAL share = 2 / (REAL)s->C;
    for (int64_t i = 0; i < n; i++) loss[i] = 0;
    for (int64_t c = 0; c < s->C; c++) {
        const REAL *restrict z = s->z + c * s->ld, *restrict y = s->y + c * s->ld;
        for (int64_t i = 0; i < n; i++) mean[i] = NAME(bounded)(z[i]), own[i] = y[i] > 0 ? y[i] : 1;
        for (int64_t i = 0; i < n; i++) mean[i] = NAME(exp)(mean[i]);
        for (int64_t i = 0; i < n; i++) own[i] = NAME(log)(own[i]);
        for (int64_t i = 0; i < n; i++) loss[i] += (y[i] * own[i] - y[i] * z[i] - y[i] + mean[i]) * share;
        for (int64_t i = 0; i < n; i++) mean[i] -= y[i];
        REAL *restrict slope = s->slope ? s->slope + c * s->ld : NULL;
        if (slope)
            for (int64_t i = 0; i < n; i++) slope[i] = mean[i] * share;
        NAME(add_squares)(s, c, mean);
    }
}

/* Losses of the B rows, and slopes and hits if requested; returns Σ s lossᵢ. */
static double NAME(losses_of)(int loss, const NAME(Scored) *s) {
    switch (loss) {
    case SOFTMAX: NAME(softmax)(s); break;
    case LOGISTIC_LOSS: NAME(logistic)(s); break;
    case ABSOLUTE_ERROR: NAME(absolute_error)(s); break;
    case HUBER: NAME(huber)(s); break;
    case QUANTILE: NAME(quantile)(s); break;
    case POISSON: NAME(poisson)(s); break;
    case MULTILABEL: NAME(multilabel)(s); break;
    default: NAME(squared_error)(s);
    }
    return NAME(weighted_sum)(s->B, s->loss, s->weight);
}
