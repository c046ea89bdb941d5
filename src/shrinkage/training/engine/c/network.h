/* Training and scoring of networks one after another: what the Python stack does for all of them at once.
 *
 * Each network keeps to one core and, with its moments and activations, to that core's cache. No number of it depends
 * on the other networks of the job.
 */

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
    int64_t activation, loss, optimizer, force, in_gradient, decay_biases;
    int64_t networks, parameters;    /* K, and P of a network: weights (I, O′) a layer, biases (O′) a layer */
    REAL *w, *m, *v;                 /* (K, P) each; m and v NULL where the optimizer has none */
    int64_t members;                 /* G */
    const int64_t *member;           /* (K,) whose rows a network is trained on */
    const NAME(Rows) *train, *validation; /* (G,) each; validation NULL without any */
    int64_t batch, epochs;
    const int64_t *order;            /* (epochs, G, n) the rows' order, or NULL for one batch as they lie */
    const double *lr;                /* (epochs·steps,) η_t; for Adam η_t/(1 − β₁ᵗ) */
    const double *correction;        /* (epochs·steps,) √(1 − β₂ᵗ) of Adam, or NULL */
    const REAL *keep_before, *keep_after; /* (epochs·steps, K) what the pull leaves of a weight, or NULL for all */
    const REAL *strength;            /* (K,) of the pull in the gradient */
    double momentum, beta1, beta2, eps;
    double *train_loss, *validation_loss; /* (epochs, K) sums over rows */
    double *train_hits, *validation_hits; /* (epochs, K, H) sums; H = C for the squared error, else 1 */
} NAME(Job);

/* What one network needs besides its parameters. */
typedef struct {
    const NAME(Job) *job;
    int64_t *padded, *w_at, *b_at, *t_at; /* (L,) units with padding; places of weights, biases, transposed weights */
    int64_t n_weights, piece, ld;         /* piece: rows at a time; ld: their vectors, filled up */
    REAL **a;                             /* (L,) outputs of each layer, (piece, O′) */
    REAL *x, *gradient, *transposed, *delta, *next_delta, *z, *y, *slope, *loss, *spare, *weight;
    void *memory;
} NAME(Work);

static int64_t NAME(filled)(int64_t units) {
    const int64_t line = CACHE_LINE / (int64_t)sizeof(REAL);
    return (units + line - 1) / line * line;
}

/* Lay the buffers out from `base`; with base NULL only measure. Returns their length in REALs. */
static int64_t NAME(lay_out)(NAME(Work) * work, REAL *base) {
    const NAME(Job) *job = work->job;
    int64_t at = 0, widest = 0, transposed = 0, C = job->sizes[job->layers];
#define PLACE(field, count)                                                                                          \
    do {                                                                                                             \
        if (base) work->field = base + at;                                                                           \
        at += NAME(filled)(count);                                                                                   \
    } while (0)
    for (int64_t l = 0; l < job->layers; l++) {
        widest = work->padded[l] > widest ? work->padded[l] : widest;
        work->t_at[l] = transposed;
        if (l) transposed += job->sizes[l + 1] * work->padded[l - 1];
        PLACE(a[l], work->piece * work->padded[l]);
    }
    PLACE(x, work->piece * job->sizes[0]);
    PLACE(gradient, job->parameters);
    PLACE(transposed, transposed);
    PLACE(delta, work->piece * widest);
    PLACE(next_delta, work->piece * widest);
    PLACE(z, work->ld * C);
    PLACE(y, work->ld * C);
    PLACE(slope, work->ld * C);
    PLACE(loss, work->ld);
    PLACE(weight, work->ld);
    PLACE(spare, work->ld * SPARE_ROWS);
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
        at += job->sizes[l] * work->padded[l];
    }
    work->n_weights = at;
    for (int64_t l = 0; l < L; l++) work->b_at[l] = at, at += work->padded[l];
    if (at != job->parameters) return -2;
    work->piece = ACTIVATIONS_AT_A_TIME / units;
    work->piece = work->piece < 16 ? 16 : work->piece > 256 ? 256 : work->piece;
    work->ld = NAME(filled)(work->piece);
    int64_t size = NAME(lay_out)(work, NULL) * (int64_t)sizeof(REAL) + CACHE_LINE;
    work->memory = calloc(1, (size_t)size);
    if (!work->memory) return -1;
    uintptr_t start = ((uintptr_t)work->memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    NAME(lay_out)(work, (REAL *)start);
    return 0;
}

static void NAME(end)(NAME(Work) * work) {
    free(work->memory);
    free(work->padded);
    free(work->a);
}

/* Which row of the matrix comes at a place in the order. */
INLINE int64_t NAME(number)(const NAME(Rows) * rows, const int64_t *order, int64_t at) {
    int64_t place = order ? order[at] : at;
    return rows->index ? rows->index[place] : place;
}

/* Rows `start` to `start + B`, in the order given: targets and weights into the work; returns where the inputs lie. */
static const REAL *NAME(read)(NAME(Work) * work, const NAME(Rows) * rows, const int64_t *order, int64_t start,
                              int64_t B) {
    const NAME(Job) *job = work->job;
    int64_t I = job->sizes[0], C = job->sizes[job->layers];
    for (int64_t i = 0; i < B; i++) {
        const REAL *y = rows->Y + NAME(number)(rows, order, start + i) * C;
        if (rows->y_scale)
            for (int64_t c = 0; c < C; c++) work->y[c * work->ld + i] = (y[c] - rows->y_shift[c]) / rows->y_scale[c];
        else
            for (int64_t c = 0; c < C; c++) work->y[c * work->ld + i] = y[c];
        if (rows->weight) work->weight[i] = rows->weight[order ? order[start + i] : start + i];
    }
    if (!order && !rows->index && !rows->x_scale) return rows->X + start * I;
    for (int64_t i = 0; i < B; i++) {
        const REAL *restrict x = rows->X + NAME(number)(rows, order, start + i) * I;
        if (i + ROWS_AHEAD < B) {
            const REAL *later = rows->X + NAME(number)(rows, order, start + i + ROWS_AHEAD) * I;
            for (int64_t j = 0; j < I; j += CACHE_LINE / (int64_t)sizeof(REAL)) __builtin_prefetch(later + j);
        }
        REAL *restrict to = work->x + i * I;
        if (rows->x_scale)
            for (int64_t j = 0; j < I; j++) to[j] = (x[j] - rows->x_shift[j]) / rows->x_scale[j];
        else
            for (int64_t j = 0; j < I; j++) to[j] = x[j];
    }
    return work->x;
}

static void NAME(forward)(NAME(Work) * work, const REAL *w, const REAL *x, int64_t B) {
    const NAME(Job) *job = work->job;
    int64_t ld = job->sizes[0];
    for (int64_t l = 0; l < job->layers; l++) {
        int64_t O = work->padded[l];
        PART(PRODUCTS, NAME(product)(B, O / LANES, job->sizes[l], x, ld, 1, w + work->w_at[l], O, work->a[l], O,
                                     w + work->b_at[l], 0));
        if (l + 1 < job->layers) PART(ACTIVATIONS, NAME(activate)((int)job->activation, B * O, work->a[l]));
        x = work->a[l], ld = O;
    }
}

/* Loss of the B rows whose outputs are there; their slopes, if wanted, stay in the work. Adds to hits; returns Σ s lossᵢ. */
static double NAME(score_outputs)(NAME(Work) * work, const NAME(Rows) * rows, int64_t B, int slopes, double *hits) {
    const NAME(Job) *job = work->job;
    int64_t C = job->sizes[job->layers], O = work->padded[job->layers - 1];
    const REAL *z = work->a[job->layers - 1];
    for (int64_t i = 0; i < B; i++)
        for (int64_t c = 0; c < C; c++) work->z[c * work->ld + i] = z[i * O + c];
    NAME(Scored) scored = {C, B, work->ld, work->z, work->y, rows->weight ? work->weight : NULL,
                           work->loss, work->spare, slopes ? work->slope : NULL, hits};
    return NAME(losses_of)((int)job->loss, &scored);
}

static void NAME(transpose)(NAME(Work) * work, const REAL *w) {
    for (int64_t l = 1; l < work->job->layers; l++) {
        int64_t I = work->job->sizes[l], O = work->job->sizes[l + 1], ld = work->padded[l], to_ld = work->padded[l - 1];
        const REAL *restrict from = w + work->w_at[l];
        REAL *restrict to = work->transposed + work->t_at[l];
        for (int64_t o = 0; o < O; o++)
            for (int64_t i = 0; i < I; i++) to[o * to_ld + i] = from[i * ld + o];
    }
}

/* The gradient of (1/rows) Σ s lossᵢ over these B of the batch's rows; added to what is there, or written if `first`. */
static void NAME(backward)(NAME(Work) * work, const NAME(Rows) * rows, const REAL *x, int64_t B, int64_t batch,
                           int first) {
    const NAME(Job) *job = work->job;
    int64_t last = job->layers - 1, C = job->sizes[job->layers], O = work->padded[last];
    REAL *delta = work->delta, *next = work->next_delta, share = 1 / (REAL)batch;
    for (int64_t i = 0; i < B; i++) {
        REAL s = rows->weight ? work->weight[i] / (REAL)batch : share;
        for (int64_t c = 0; c < C; c++) delta[i * O + c] = work->slope[c * work->ld + i] * s;
        for (int64_t c = C; c < O; c++) delta[i * O + c] = 0;
    }
    for (int64_t l = last; l >= 0; l--) {
        O = work->padded[l];
        const REAL *a = l ? work->a[l - 1] : x;
        int64_t I = job->sizes[l], lda = l ? work->padded[l - 1] : I;
        REAL *gradient = work->gradient + work->w_at[l], *bias = work->gradient + work->b_at[l];
        PART(PRODUCTS,
             NAME(product)(I, O / LANES, B, a, 1, lda, delta, O, gradient, O, first ? NULL : gradient, O));
        for (int64_t o = 0; o < O; o += LANES) {
            V sum = first ? (V){0} : *(const V *)(bias + o);
            for (int64_t i = 0; i < B; i++) sum += *(const V *)(delta + i * O + o);
            *(V *)(bias + o) = sum;
        }
        if (!l) break;
        PART(PRODUCTS, NAME(product)(B, lda / LANES, job->sizes[l + 1], delta, O, 1,
                                     work->transposed + work->t_at[l], lda, next, lda, NULL, 0));
        PART(ACTIVATIONS, NAME(slope)((int)job->activation, B * lda, next, a));
        REAL *swap = delta;
        delta = next, next = swap;
    }
}

/* One step at t = `t` (from 0) of the job's epochs for network k. */
static void NAME(update)(NAME(Work) * work, int64_t k, int64_t t) {
    const NAME(Job) *job = work->job;
    int64_t at = k * job->parameters, n = work->n_weights, rest = job->parameters - n;
    REAL *w = job->w + at, *m = job->m ? job->m + at : NULL, *v = job->v ? job->v + at : NULL;
    NAME(Step) step = {.lr = (REAL)job->lr[t], .momentum = (REAL)job->momentum, .beta1 = (REAL)job->beta1,
                       .beta2 = (REAL)job->beta2, .eps = (REAL)job->eps,
                       .strength = job->in_gradient ? (REAL)job->strength[k] : 0,
                       .keep_before = job->keep_before ? (REAL)job->keep_before[t * job->networks + k] : 1,
                       .keep_after = job->keep_after ? (REAL)job->keep_after[t * job->networks + k] : 1};
    if (job->correction) step.correction = (REAL)job->correction[t];
    NAME(step)((int)job->optimizer, (int)job->force, n, w, work->gradient, m, v, &step);
    if (!job->decay_biases) step.strength = 0, step.keep_before = step.keep_after = 1;
    NAME(step)((int)job->optimizer, (int)job->force, rest, w + n, work->gradient + n, m ? m + n : NULL,
               v ? v + n : NULL, &step);
}

/* Summed loss of the rows as network k is now; sums of its hits into `hits`. */
static double NAME(score_rows)(NAME(Work) * work, const NAME(Rows) * rows, int64_t k, double *hits) {
    const REAL *w = work->job->w + k * work->job->parameters;
    double loss = 0;
    for (int64_t start = 0; start < rows->n; start += work->piece) {
        int64_t B = rows->n - start < work->piece ? rows->n - start : work->piece;
        const REAL *x;
        PART(READING, x = NAME(read)(work, rows, NULL, start, B));
        NAME(forward)(work, w, x, B);
        PART(SCORING, loss += NAME(score_outputs)(work, rows, B, 0, hits));
    }
    return loss;
}

/* One epoch of network k; summed loss and hits of its rows, each from before its batch's update. */
static double NAME(epoch)(NAME(Work) * work, const NAME(Rows) * rows, int64_t k, int64_t first_step,
                          const int64_t *order, double *hits) {
    const NAME(Job) *job = work->job;
    const REAL *w = job->w + k * job->parameters;
    double loss = 0;
    for (int64_t start = 0, t = first_step; start < rows->n; start += job->batch, t++) {
        int64_t batch = rows->n - start < job->batch ? rows->n - start : job->batch;
        NAME(transpose)(work, w);
        for (int64_t done = 0; done < batch; done += work->piece) {
            int64_t B = batch - done < work->piece ? batch - done : work->piece;
            const REAL *x;
            PART(READING, x = NAME(read)(work, rows, order, start + done, B));
            NAME(forward)(work, w, x, B);
            PART(SCORING, loss += NAME(score_outputs)(work, rows, B, 1, hits));
            NAME(backward)(work, rows, x, B, batch, !done);
        }
        PART(STEPS, NAME(update)(work, k, t));
    }
    return loss;
}

/* Train every network for the job's epochs. 0, −1 without memory, −2 if the layout isn't the caller's. */
EXPORT int NAME(train)(const NAME(Job) * job) {
    NAME(Work) work;
    int failed = NAME(begin)(&work, job);
    int64_t K = job->networks, H = job->loss == SQUARED_ERROR ? job->sizes[job->layers] : 1;
    for (int64_t k = 0; k < K && !failed; k++) {
        const NAME(Rows) *rows = job->train + job->member[k];
        int64_t steps = (rows->n + job->batch - 1) / job->batch;
        for (int64_t e = 0; e < job->epochs; e++) {
            const int64_t *order = NULL;
            if (job->order) order = job->order + (e * job->members + job->member[k]) * rows->n;
            int64_t at = e * K + k;
            job->train_loss[at] = NAME(epoch)(&work, rows, k, e * steps, order, job->train_hits + at * H);
            if (job->validation)
                job->validation_loss[at] =
                    NAME(score_rows)(&work, job->validation + job->member[k], k, job->validation_hits + at * H);
        }
    }
    NAME(end)(&work);
    return failed;
}

/* Loss and hits of every network on its training rows, into train_loss and train_hits (K,) and (K, H). */
EXPORT int NAME(score_networks)(const NAME(Job) * job) {
    NAME(Work) work;
    int failed = NAME(begin)(&work, job);
    int64_t H = job->loss == SQUARED_ERROR ? job->sizes[job->layers] : 1;
    for (int64_t k = 0; k < job->networks && !failed; k++)
        job->train_loss[k] = NAME(score_rows)(&work, job->train + job->member[k], k, job->train_hits + k * H);
    NAME(end)(&work);
    return failed;
}
