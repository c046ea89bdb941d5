/* Training and scoring of networks one after another: what the Python stack does for all of them at once.
 *
 * Each network stays on one core and, with its moments and activations, in that core's cache. None of its numbers depends
 * on the other networks of the job.
 */

/* 0 for padding units: σ(0) would otherwise be an input to the last layer's padded weights. */
static void NAME(empty)(int64_t B, int64_t units, int64_t O, REAL *a) {
    for (int64_t i = 0; i < B; i++)
        for (int64_t o = units; o < O; o++) a[i * O + o] = 0;
}

/* The linear outputs of the rows into z, unit by unit: whole vectors of rows for any number of outputs. */
static void NAME(forward)(NAME(Work) * work, const REAL *w, const NAME(Piece) * p) {
    const NAME(Job) *job = work->job;
    int64_t last = job->layers - 1, B = p->B, ld = work->ldx, apart = 1; /* from one number of a row to the next */
    const REAL *x = p->x;
    if (job->embedded) {
        PART(ACTIVATIONS, NAME(embed)(work, w, p));
        x = work->seen, ld = 1, apart = p->ld;
    }
    for (int64_t l = 0; l < last; l++) {
        int64_t I = l ? job->sizes[l] : work->dense, O = work->padded[l];
        PART(PRODUCTS, NAME(product)(B, O / LANES, I, x, ld, apart, w + work->w_at[l], O, work->a[l], O,
                                     w + work->b_at[l], 0));
        if (!l && job->coded) PART(PRODUCTS, NAME(add_codes)(work, w, p));
        PART(ACTIVATIONS, NAME(activate)((int)job->activation, B * O, work->a[l]));
        if (job->activation == LOGISTIC) NAME(empty)(B, job->sizes[l + 1], O, work->a[l]);
        x = work->a[l], ld = O, apart = 1;
    }
    NAME(transpose)(B, job->sizes[last], x, ld, work->turned, p->ld);
    PART(PRODUCTS, NAME(product)(job->sizes[job->layers], p->ld / LANES, job->sizes[last], w + work->w_at[last],
                                 work->inputs, 1, work->turned, p->ld, work->z, p->ld, w + work->b_at[last], EACH));
}

/* Loss of the rows whose outputs are computed; their slopes, if requested, stay in the work buffers.
 * Adds to hits; returns Σ s lossᵢ. */
static double NAME(score_outputs)(NAME(Work) * work, const NAME(Piece) * p, int slopes, double *hits) {
    const NAME(Job) *job = work->job;
    NAME(Scored) scored = {job->sizes[job->layers], p->B, p->ld, work->z, p->y, p->weight,
                           work->loss, work->spare, slopes ? work->slope : NULL, hits, (REAL)job->level,
                           job->levels};
    return NAME(losses_of)((int)job->loss, &scored);
}

/* Weights for the backward pass; those of the last layer already have this layout. */
static void NAME(transpose_weights)(NAME(Work) * work, const REAL *w) {
    for (int64_t l = 1; l + 1 < work->job->layers; l++)
        NAME(transpose)(work->job->sizes[l], work->job->sizes[l + 1], w + work->w_at[l], work->padded[l],
                        work->transposed + work->t_at[l], work->padded[l - 1]);
}

/* bias ← init + Σ over B lines of delta (B, O), each element summed in the order of the lines. */
static void NAME(sum_of_lines)(int64_t B, int64_t O, const REAL *delta, REAL *bias, int first) {
    int64_t o = 0;
#define SUM(NV)                                                                                                      \
    for (; o + (NV)*LANES <= O; o += (NV)*LANES) {                                                                   \
        V sum[NV];                                                                                                   \
        for (int j = 0; j < (NV); j++) sum[j] = first ? (V){0} : *(const V *)(bias + o + j * LANES);                 \
        for (int64_t i = 0; i < B; i++)                                                                              \
            for (int j = 0; j < (NV); j++) sum[j] += *(const V *)(delta + i * O + o + j * LANES);                    \
        for (int j = 0; j < (NV); j++) *(V *)(bias + o + j * LANES) = sum[j];                                        \
    }
    SUM(4)
    SUM(1)
#undef SUM
}

/* Of the last layer: of its weights (C, I′) and biases, and of its inputs (B, I′) into the work's delta. */
static void NAME(backward_last)(NAME(Work) * work, const NAME(Piece) * p, const REAL *w, const REAL *a, int64_t batch,
                                int first) {
    const NAME(Job) *job = work->job;
    int64_t last = job->layers - 1, C = job->sizes[job->layers], I = work->inputs, B = p->B;
    REAL *gradient = work->gradient + work->w_at[last], *bias = work->gradient + work->b_at[last];
    REAL share = work->scale / (REAL)batch;
    for (int64_t c = 0; c < C; c++) {
        REAL *restrict slope = work->slope + c * p->ld;
        const REAL *restrict s = p->weight;
        for (int64_t i = 0; i < B; i++) slope[i] *= s ? s[i] * share : share;
        bias[c] = (first ? 0 : bias[c]) + (REAL)NAME(weighted_sum)(B, slope, NULL);
    }
    PART(PRODUCTS, NAME(product)(C, I / LANES, B, work->slope, p->ld, 1, a, I, gradient, I, first ? NULL : gradient, I));
    if (last)
        PART(PRODUCTS, NAME(product)(B, I / LANES, C, work->slope, 1, p->ld, w + work->w_at[last], I, work->delta, I, NULL, 0));
}

/* The gradient of (1/batch) Σ s lossᵢ over these of the batch's rows, times the optimizer's scale; added, or written
 * if `first`. */
static void NAME(backward)(NAME(Work) * work, const NAME(Piece) * p, const REAL *w, int64_t batch, int first) {
    const NAME(Job) *job = work->job;
    int64_t last = job->layers - 1, B = p->B;
    REAL *delta = work->delta, *next = work->next_delta;
    NAME(backward_last)(work, p, w, last ? work->a[last - 1] : p->x, batch, first);
    for (int64_t l = last - 1; l >= 0; l--) {
        int64_t I = l ? job->sizes[l] : work->dense, O = work->padded[l];
        int64_t lda = l ? work->padded[l - 1] : work->ldx, apart = 1;
        const REAL *a = l ? work->a[l - 1] : p->x;
        if (!l && job->embedded) a = work->seen, lda = 1, apart = p->ld;
        REAL *gradient = work->gradient + work->w_at[l];
        PART(ACTIVATIONS, NAME(slope)((int)job->activation, B * O, delta, work->a[l]));
        PART(PRODUCTS,
             NAME(product)(I, O / LANES, B, a, apart, lda, delta, O, gradient, O, first ? NULL : gradient, O));
        NAME(sum_of_lines)(B, O, delta, work->gradient + work->b_at[l], first);
        if (!l) {
            if (job->coded) PART(PRODUCTS, NAME(backward_codes)(work, p, delta, first));
            if (job->embedded) PART(ACTIVATIONS, NAME(backward_embedding)(work, p, w, delta, first));
            break;
        }
        PART(PRODUCTS, NAME(product)(B, lda / LANES, job->sizes[l + 1], delta, O, 1,
                                     work->transposed + work->t_at[l], lda, next, lda, NULL, 0));
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

/* Summed loss of the rows with network k's present weights; its hits are summed into `hits`. */
static double NAME(score_rows)(NAME(Work) * work, const NAME(Rows) * rows, const NAME(Kept) * kept, int64_t k,
                               double *hits) {
    const REAL *w = work->job->w + k * work->job->parameters;
    double loss = 0;
    for (int64_t start = 0, y_at = 0; start < rows->n; start += work->piece) {
        NAME(Piece) p;
        PART(READING, p = NAME(read)(work, rows, kept, NULL, start, NAME(least)(work->piece, rows->n - start), &y_at));
        NAME(forward)(work, w, &p);
        PART(SCORING, loss += NAME(score_outputs)(work, &p, 0, hits));
    }
    return loss;
}

/* One epoch of network k; summed loss and hits of its rows, each from before its batch's update. */
static double NAME(epoch)(NAME(Work) * work, const NAME(Rows) * rows, int64_t k, int64_t first_step,
                          const int64_t *order, double *hits) {
    const NAME(Job) *job = work->job;
    const REAL *w = job->w + k * job->parameters;
    double loss = 0;
    for (int64_t start = 0, y_at = 0, t = first_step; start < rows->n; start += job->batch, t++) {
        int64_t batch = NAME(least)(job->batch, rows->n - start);
        NAME(transpose_weights)(work, w);
        for (int64_t done = 0; done < batch; done += work->piece) {
            NAME(Piece) p;
            int64_t B = NAME(least)(work->piece, batch - done);
            PART(READING, p = NAME(read)(work, rows, &work->train, order, start + done, B, &y_at));
            NAME(forward)(work, w, &p);
            PART(SCORING, loss += NAME(score_outputs)(work, &p, 1, hits));
            NAME(backward)(work, &p, w, batch, !done);
        }
        PART(STEPS, NAME(update)(work, k, t));
    }
    return loss;
}

/* The job's epochs of networks `first` to `end`, all of one member: epoch by epoch, because they read the same rows. */
static void NAME(train_member)(NAME(Work) * work, int64_t first, int64_t end) {
    const NAME(Job) *job = work->job;
    int64_t K = job->networks, H = hits_of(job->loss, job->sizes[job->layers]), g = job->member[first];
    const NAME(Rows) *rows = job->train + g, *held = job->validation ? job->validation + g : NULL;
    int64_t steps = (rows->n + job->batch - 1) / job->batch;
    if (held && work->validation.memory) PART(READING, NAME(keep)(&work->validation, work, held, NULL, held->n));
    for (int64_t e = 0; e < job->epochs; e++) {
        const int64_t *order = job->order ? job->order + (e * job->members + g) * rows->n : NULL;
        if (work->train.memory && (order || !e)) PART(READING, NAME(keep)(&work->train, work, rows, order, job->batch));
        for (int64_t k = first; k < end; k++) {
            int64_t at = e * K + k;
            job->train_loss[at] = NAME(epoch)(work, rows, k, e * steps, order, job->train_hits + at * H);
            if (held && job->validated[e])
                job->validation_loss[at] =
                    NAME(score_rows)(work, held, &work->validation, k, job->validation_hits + at * H);
        }
    }
}

/* Train every network for the job's epochs. 0, −1 without memory, −2 if the layout isn't the caller's. */
EXPORT int NAME(train)(const NAME(Job) * job) {
    NAME(Work) work;
    int failed = NAME(begin)(&work, job);
    if (!failed) failed = NAME(make_room)(&work.train, &work, job->train, job->batch);
    if (!failed && job->validation) failed = NAME(make_room)(&work.validation, &work, job->validation, 0);
    for (int64_t first = 0, end; first < job->networks && !failed; first = end) {
        for (end = first + 1; end < job->networks && job->member[end] == job->member[first];) end++;
        NAME(train_member)(&work, first, end);
    }
    NAME(end)(&work);
    return failed;
}

/* Loss and hits of every network on its training rows, into train_loss and train_hits (K,) and (K, H). */
EXPORT int NAME(score_networks)(const NAME(Job) * job) {
    NAME(Work) work;
    int failed = NAME(begin)(&work, job);
    int64_t H = hits_of(job->loss, job->sizes[job->layers]);
    for (int64_t k = 0; k < job->networks && !failed; k++)
        job->train_loss[k] =
            NAME(score_rows)(&work, job->train + job->member[k], &work.train, k, job->train_hits + k * H);
    NAME(end)(&work);
    return failed;
}
