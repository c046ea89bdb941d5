/* What is trained, its rows and its buffers. */

/* n rows of a matrix: row i is number index[i] of X (·, I) and Y (·, C). */
typedef struct {
    const REAL *X, *Y, *weight;      /* weight (n,) of mean 1, or NULL */
    const int64_t *index;            /* (n,), or NULL for i itself */
    const REAL *x_shift, *x_scale;   /* (I,) of x ↦ (x − shift)/scale, or NULL */
    const REAL *y_shift, *y_scale;   /* (C,) or NULL */
    int64_t n;
} NAME(Rows);

typedef struct {
    int64_t layers;                  /* L, of weights */
    const int64_t *sizes;            /* (L + 1,) units, inputs first */
    int64_t embedded, frequencies, units; /* N numbers in front of the first of several layers, or 0; F; U */
    const int64_t *columns;          /* (N,) which inputs they are; sizes[0] has N·U besides the inputs */
    int64_t coded;                   /* numbers whose codes are the last inputs of the first of several layers, or 0 */
    const int64_t *pieces;           /* (coded,) codes of each; a row of X has two numbers in their place, see codes.h */
    int64_t activation, loss, optimizer, force, in_gradient, decay_biases;
    /* K, and P of a network: weights (I, O′) a layer but (C, I′) of the last, biases (O′) a layer; and its embedding */
    int64_t networks, parameters;
    REAL *w, *m, *v;                 /* (K, P) each; m and v NULL where the optimizer has none */
    int64_t members;                 /* G */
    const int64_t *member;           /* (K,) whose rows a network is trained on */
    const NAME(Rows) *train, *validation; /* (G,) each; validation NULL without any */
    const uint8_t *validated;        /* (epochs,) after which the validation rows are scored */
    int64_t batch, epochs;
    const int64_t *order;            /* (epochs, G, n) the rows' order, or NULL for one batch in the given order */
    const double *lr;                /* (epochs·steps,) η_t; for Adam η_t/(1 − β₁ᵗ) */
    const double *correction;        /* (epochs·steps,) √(1 − β₂ᵗ) of Adam, or NULL */
    const REAL *keep_before, *keep_after; /* (epochs·steps, K) the decay's factor on a weight, or NULL for 1 */
    const REAL *strength;            /* (K,) of the penalty in the gradient */
    double momentum, beta1, beta2, eps;
    double level;                    /* of the quantile, or Huber's δ */
    const REAL *levels;              /* (C,) of several quantiles, or NULL for the one */
    double *train_loss, *validation_loss; /* (epochs, K) sums over rows */
    double *train_hits, *validation_hits; /* (epochs, K, H) sums; H = hits_of(loss, C) */
} NAME(Job);

/* Rows in reading order: inputs (n, ldx), targets (C, ld) of each piece, weights (n,) or NULL. */
typedef struct {
    const REAL *x;
    REAL *room, *y, *weight; /* room: for the inputs, unless they are in order already */
    void *memory;
} NAME(Kept);

/* Some rows of a batch: inputs (B, ldx), targets (C, ld) row-contiguous, weights (B,) or NULL. */
typedef struct {
    const REAL *x, *y, *weight;
    int64_t B, ld;
} NAME(Piece);

/* What one network needs besides its parameters. */
typedef struct {
    const NAME(Job) *job;
    int64_t *padded, *w_at, *b_at, *t_at; /* (L,) units with padding; places of weights, biases, transposed weights */
    int64_t taken, ldx, inputs;           /* numbers of a row, stride between rows of them; I′ of the last layer */
    int64_t dense, most_pieces;           /* inputs of the first layer that aren't codes; codes of one number */
    int64_t v_at, c_at, phase_at, frequency_at; /* places of an embedding's parameters */
    int64_t n_weights, piece;             /* piece: rows at a time */
    REAL scale;                           /* factor by which the optimizer expects the gradient multiplied */
    REAL **a;                             /* (L,) outputs of each layer but the last, (piece, O′) */
    REAL *turned;                         /* (I, ld) inputs of the last layer, unit by unit */
    REAL *earlier, *whole;                /* of one number's codes, (pieces, O′) each; see codes.h */
    REAL *seen, *cosines, *sines, *sent, *turned_delta; /* of an embedding, (·, ld); see embedding.h */
    REAL *x, *gradient, *transposed, *delta, *next_delta, *z, *y, *slope, *loss, *spare, *weight;
    NAME(Kept) train, validation;         /* of one member; memory NULL if there are too many to keep */
    void *memory;
} NAME(Work);

/* Lay out the buffers from `base`; with base NULL, only measure. Returns their length in REALs. */
static int64_t NAME(lay_out)(NAME(Work) * work, REAL *base) {
    const NAME(Job) *job = work->job;
    int64_t at = 0, widest = 0, transposed = 0, C = job->sizes[job->layers], ld = NAME(filled)(work->piece);
#define PLACE(field, count)                                                                                          \
    do {                                                                                                             \
        if (base) work->field = base + at;                                                                           \
        at += NAME(filled)(count);                                                                                   \
    } while (0)
    for (int64_t l = 0; l + 1 < job->layers; l++) {
        widest = work->padded[l] > widest ? work->padded[l] : widest;
        work->t_at[l] = transposed;
        if (l) transposed += job->sizes[l + 1] * work->padded[l - 1];
        PLACE(a[l], ld * work->padded[l]);
    }
    PLACE(turned, ld * job->sizes[job->layers - 1]);
    int64_t waves = job->embedded * job->frequencies;
    PLACE(seen, ld * (job->embedded ? job->sizes[0] : 0));
    PLACE(cosines, ld * waves);
    PLACE(sines, ld * waves);
    PLACE(sent, ld * job->embedded * job->units);
    PLACE(turned_delta, ld * (job->embedded ? job->sizes[1] : 0));
    PLACE(earlier, work->most_pieces * work->padded[0]);
    PLACE(whole, work->most_pieces * work->padded[0]);
    PLACE(x, work->piece * work->ldx);
    PLACE(gradient, job->parameters);
    PLACE(transposed, transposed);
    PLACE(delta, work->piece * widest);
    PLACE(next_delta, work->piece * widest);
    PLACE(z, ld * C);
    PLACE(y, ld * C);
    PLACE(slope, ld * C);
    PLACE(loss, ld);
    PLACE(weight, ld);
    PLACE(spare, ld * SPARE_ROWS);
#undef PLACE
    return at;
}

/* 0, or −1 without memory. */
static int NAME(begin)(NAME(Work) * work, const NAME(Job) * job) {
    int64_t L = job->layers, units = 0;
    memset(work, 0, sizeof *work);
    work->job = job;
    work->padded = malloc(sizeof(int64_t) * 4 * L);
    work->a = malloc(sizeof(REAL *) * L);
    if (!work->padded || !work->a) return -1;
    work->w_at = work->padded + L, work->b_at = work->padded + 2 * L, work->t_at = work->padded + 3 * L;
    int64_t at = 0;
    for (int64_t l = 0; l < L; l++) {
        work->padded[l] = NAME(filled)(job->sizes[l + 1]);
        units += work->padded[l];
        work->w_at[l] = at;
        if (l + 1 < L) at += job->sizes[l] * work->padded[l];
    }
    work->dense = job->sizes[0];
    for (int64_t n = 0; n < job->coded; n++) {
        work->dense -= job->pieces[n];
        if (job->pieces[n] > work->most_pieces) work->most_pieces = job->pieces[n];
    }
    work->taken = work->dense - job->embedded * job->units + 2 * job->coded;
    work->ldx = L == 1 ? NAME(filled)(job->sizes[0]) : work->taken;
    work->inputs = L == 1 ? work->ldx : work->padded[L - 2];
    at += job->sizes[L] * work->inputs;
    int64_t waves = job->embedded * job->frequencies, embedded_units = job->embedded * job->units;
    work->v_at = at, at += waves * job->units;
    work->n_weights = at;
    for (int64_t l = 0; l < L; l++) work->b_at[l] = at, at += work->padded[l];
    work->c_at = at, at += NAME(filled)(embedded_units);
    work->phase_at = at, work->frequency_at = at + waves, at += 2 * waves;
    if (at != job->parameters) return -2;
    if (job->embedded) units += job->sizes[0] + 2 * waves + embedded_units;
    work->piece = ACTIVATIONS_AT_A_TIME / units;
    work->piece = work->piece < 16 ? 16 : work->piece > 256 ? 256 : work->piece;
    if (job->embedded) work->piece -= work->piece % 16; /* whole vectors of rows */
    work->scale = job->optimizer == ADAM ? NAME(root)(1 - (REAL)job->beta2) : 1;
    int64_t size = NAME(lay_out)(work, NULL) * (int64_t)sizeof(REAL) + CACHE_LINE;
    work->memory = calloc(1, (size_t)size);
    if (!work->memory) return -1;
    uintptr_t start = ((uintptr_t)work->memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    NAME(lay_out)(work, (REAL *)start);
    return 0;
}

static void NAME(end)(NAME(Work) * work) {
    free(work->train.memory);
    free(work->validation.memory);
    free(work->memory);
    free(work->padded);
    free(work->a);
}
