/* Piecewise-linear codes of numbers as inputs of the first layer: 1 up to the piece that a number lies in, its share of
 * that piece, then 0.
 *
 * A row holds two numbers in place of a number's codes: the line of W of its piece, and its share f. With P the sum of
 * the number's earlier lines, its codes add P + f·W[line] to what the first layer puts out. Backward, a slope reaches
 * the line of its piece with weight f, and the number's earlier lines whole. Number by number, so that its lines, their
 * sums and the rows' outputs stay in the first-level cache.
 */

#define CHUNK 4 /* vectors of a line whose running sums are in registers */

/* sums (pieces, O′) ← for each line the sum of those before it. */
static void NAME(sum_earlier)(int64_t pieces, int64_t O, const REAL *lines, REAL *restrict sums) {
    int64_t o = 0;
#define SUM(NV)                                                                                                      \
    for (; o + (NV)*LANES <= O; o += (NV)*LANES) {                                                                   \
        V sum[NV] = {0};                                                                                             \
        for (int64_t k = 0; k < pieces; k++)                                                                         \
            for (int j = 0; j < (NV); j++) {                                                                         \
                *(V *)(sums + k * O + o + j * LANES) = sum[j];                                                       \
                sum[j] += *(const V *)(lines + k * O + o + j * LANES);                                               \
            }                                                                                                        \
    }
    SUM(CHUNK)
    SUM(1)
#undef SUM
}

/* lines (pieces, O′) += for each the sum of `slopes` of those behind it, which are set to 0 on the way. */
static void NAME(add_later)(int64_t pieces, int64_t O, REAL *restrict slopes, REAL *restrict lines) {
    int64_t o = 0;
#define SUM(NV)                                                                                                      \
    for (; o + (NV)*LANES <= O; o += (NV)*LANES) {                                                                   \
        V sum[NV] = {0};                                                                                             \
        for (int64_t k = pieces - 1; k >= 0; k--)                                                                    \
            for (int j = 0; j < (NV); j++) {                                                                         \
                V *slope = (V *)(slopes + k * O + o + j * LANES);                                                    \
                *(V *)(lines + k * O + o + j * LANES) += sum[j];                                                     \
                sum[j] += *slope;                                                                                    \
                *slope = (V){0};                                                                                     \
            }                                                                                                        \
    }
    SUM(CHUNK)
    SUM(1)
#undef SUM
}

/* The line of a row's piece, and its share of it. */
#define OF_ROW(i)                                                                                                    \
    int64_t at = ((int64_t)x[(i) * work->ldx] - before) * O;                                                         \
    REAL share = x[(i) * work->ldx + 1]

/* Add to the first layer's outputs what the codes of the rows send there. */
static void NAME(add_codes)(NAME(Work) * work, const REAL *w, const NAME(Piece) * p) {
    const NAME(Job) *job = work->job;
    int64_t O = work->padded[0];
    const REAL *lines = w + work->w_at[0] + work->dense * O, *x = p->x + work->dense;
    for (int64_t n = 0, before = 0; n < job->coded; before += job->pieces[n], n++, x += 2) {
        const REAL *own = lines + before * O, *sums = work->earlier;
        NAME(sum_earlier)(job->pieces[n], O, own, work->earlier);
        int64_t o = 0;
#define ADD(NV)                                                                                                      \
    for (; o + (NV)*LANES <= O; o += (NV)*LANES)                                                                     \
        for (int64_t i = 0; i < p->B; i++) {                                                                         \
            OF_ROW(i);                                                                                               \
            for (int j = 0; j < (NV); j++)                                                                           \
                *(V *)(work->a[0] + i * O + o + j * LANES) += *(const V *)(sums + at + o + j * LANES) +              \
                                                              share * *(const V *)(own + at + o + j * LANES);        \
        }
        ADD(8)
        ADD(4)
        ADD(2)
        ADD(1)
#undef ADD
    }
}

/* Gradients of the codes' lines, from the slopes at what the first layer puts out, delta (B, O′); see `backward`. */
static void NAME(backward_codes)(NAME(Work) * work, const NAME(Piece) * p, const REAL *delta, int first) {
    const NAME(Job) *job = work->job;
    int64_t O = work->padded[0];
    REAL *own = work->gradient + work->w_at[0] + work->dense * O, *whole = work->whole;
    const REAL *x = p->x + work->dense;
    for (int64_t n = 0, before = 0; n < job->coded; before += job->pieces[n], n++, x += 2) {
        int64_t pieces = job->pieces[n], o = 0;
        if (first) memset(own, 0, sizeof(REAL) * (size_t)(pieces * O));
#define SEND(NV)                                                                                                     \
    for (; o + (NV)*LANES <= O; o += (NV)*LANES)                                                                     \
        for (int64_t i = 0; i < p->B; i++) {                                                                         \
            OF_ROW(i);                                                                                               \
            for (int j = 0; j < (NV); j++) {                                                                         \
                V slope = *(const V *)(delta + i * O + o + j * LANES);                                               \
                *(V *)(whole + at + o + j * LANES) += slope;                                                         \
                *(V *)(own + at + o + j * LANES) += share * slope;                                                   \
            }                                                                                                        \
        }
        SEND(8)
        SEND(4)
        SEND(2)
        SEND(1)
#undef SEND
        NAME(add_later)(pieces, O, whole, own);
        own += pieces * O;
    }
}

#undef OF_ROW
#undef CHUNK
