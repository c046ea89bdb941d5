/* The error of networks that are only evaluated, such as the particles of a swarm: many, small, on the same rows.
 *
 * Stored unit by unit: rows are contiguous, so a layer of three units takes three vectors of rows and no padding.
 */

typedef struct {
    int64_t layers;          /* L, of weights */
    const int64_t *sizes;    /* (L + 1,) units, inputs first */
    int64_t activation, loss, networks, n;
    int64_t ld;              /* ≥ n, whole vectors: stride between columns of the inputs, or of the targets */
    const REAL *w;           /* (K, D) each network's weights (I, O) a layer, then its biases, without padding */
    const REAL *X, *Y;       /* (I, ld) and (C, ld), zeros from n on */
    const REAL *weight;      /* (n,) or NULL */
    double *total, *hits;    /* (K,) and (K, H), added to; H = hits_of(loss, C); hits may be NULL */
    double level;            /* of the quantile, or Huber's δ */
    const REAL *levels;      /* (C,) of several quantiles, or NULL for the one */
} NAME(Evaluation);

typedef struct {
    int64_t piece; /* rows at a time */
    REAL *a, *next, *y, *loss, *spare;
    void *memory;
} NAME(Buffers);

static int NAME(set_up)(NAME(Buffers) * b, int64_t widest, int64_t C, int64_t piece) {
    int64_t count = (2 * widest + C + 1 + SPARE_ROWS) * piece;
    b->memory = calloc(1, (size_t)count * sizeof(REAL) + CACHE_LINE);
    if (!b->memory) return -1;
    REAL *at = (REAL *)(((uintptr_t)b->memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    b->a = at, at += widest * piece;
    b->next = at, at += widest * piece;
    b->y = at, at += C * piece;
    b->loss = at, at += piece;
    b->spare = at;
    return 0;
}

/* Linear outputs of one network, (C, ld) in one of the buffers, for inputs x (I, ldx). */
static const REAL *NAME(outputs_of)(const NAME(Evaluation) * p, NAME(Buffers) * buffers, const REAL *w, const REAL *x,
                                    int64_t ldx, int64_t ld) {
    const REAL *bias = w;
    for (int64_t l = 0; l < p->layers; l++) bias += p->sizes[l] * p->sizes[l + 1];
    REAL *z = buffers->a, *other = buffers->next;
    for (int64_t l = 0; l < p->layers; l++) {
        int64_t I = p->sizes[l], O = p->sizes[l + 1];
        NAME(product)(O, ld / LANES, I, w, 1, O, x, ldx, z, ld, bias, EACH);
        if (l + 1 < p->layers) NAME(activate)((int)p->activation, O * ld, z);
        w += I * O, bias += O;
        x = z, ldx = ld;
        REAL *swap = z;
        z = other, other = swap;
    }
    return x;
}

static int64_t NAME(rows_at_a_time)(const NAME(Evaluation) * p, int64_t *widest) {
    *widest = 0;
    for (int64_t l = 1; l <= p->layers; l++) *widest = p->sizes[l] > *widest ? p->sizes[l] : *widest;
    int64_t piece = ACTIVATIONS_AT_A_TIME / *widest / 64 * 64;
    return piece < 64 ? 64 : piece > 1024 ? 1024 : piece;
}

/* 0, or −1 without memory. */
static int NAME(set_up_for)(NAME(Buffers) * buffers, const NAME(Evaluation) * p) {
    int64_t widest;
    buffers->piece = NAME(rows_at_a_time)(p, &widest);
    return NAME(set_up)(buffers, widest, p->sizes[p->layers], buffers->piece);
}

static void NAME(evaluate_on)(const NAME(Evaluation) * p, NAME(Buffers) * buffers) {
    int64_t C = p->sizes[p->layers], H = hits_of(p->loss, C), D = 0, piece = buffers->piece;
    for (int64_t l = 0; l < p->layers; l++) D += (p->sizes[l] + 1) * p->sizes[l + 1];
    for (int64_t start = 0; start < p->n; start += piece) {
        int64_t ld = p->ld - start < piece ? p->ld - start : piece, B = p->n - start < ld ? p->n - start : ld;
        for (int64_t c = 0; c < C; c++) memcpy(buffers->y + c * ld, p->Y + c * p->ld + start, sizeof(REAL) * ld);
        for (int64_t k = 0; k < p->networks; k++) {
            const REAL *z = NAME(outputs_of)(p, buffers, p->w + k * D, p->X + start, p->ld, ld);
            NAME(Scored) scored = {C, B, ld, z, buffers->y, p->weight ? p->weight + start : NULL,
                                   buffers->loss, buffers->spare, NULL, p->hits ? p->hits + k * H : NULL, (REAL)p->level,
                                   p->levels};
            p->total[k] += NAME(losses_of)((int)p->loss, &scored);
        }
    }
}

/* Losses and hits of every network over all rows. 0, or −1 without memory. */
EXPORT int NAME(evaluate)(const NAME(Evaluation) * p) {
    NAME(Buffers) buffers;
    if (NAME(set_up_for)(&buffers, p)) return -1;
    NAME(evaluate_on)(p, &buffers);
    free(buffers.memory);
    return 0;
}
