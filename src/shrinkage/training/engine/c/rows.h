/* Rows of a matrix, read in pieces: when needed, or once for all networks that need the same rows. */

/* Whether the inputs can be used in place. */
INLINE int NAME(in_order)(const NAME(Work) * work, const NAME(Rows) * rows, const int64_t *order) {
    return !order && !rows->index && !rows->x_scale && work->ldx == work->taken;
}

/* The row of the matrix at a position of the order. */
INLINE int64_t NAME(number)(const NAME(Rows) * rows, const int64_t *order, int64_t at) {
    int64_t place = order ? order[at] : at;
    return rows->index ? rows->index[place] : place;
}

static void NAME(gather_inputs)(const NAME(Work) * work, const NAME(Rows) * rows, const int64_t *order, int64_t start,
                                int64_t B, REAL *to) {
    int64_t I = work->taken;
    for (int64_t i = 0; i < B; i++, to += work->ldx) {
        const REAL *restrict x = rows->X + NAME(number)(rows, order, start + i) * I;
        if (i + ROWS_AHEAD < B) {
            const REAL *later = rows->X + NAME(number)(rows, order, start + i + ROWS_AHEAD) * I;
            for (int64_t j = 0; j < I; j += CACHE_LINE / (int64_t)sizeof(REAL)) __builtin_prefetch(later + j);
        }
        if (rows->x_scale)
            for (int64_t j = 0; j < I; j++) to[j] = (x[j] - rows->x_shift[j]) / rows->x_scale[j];
        else
            for (int64_t j = 0; j < I; j++) to[j] = x[j];
    }
}

/* Targets (C, ld) and weights (B,) of rows `start` to `start + B`, in the order given. */
static void NAME(gather_targets)(const NAME(Rows) * rows, const int64_t *order, int64_t start, int64_t B, int64_t C,
                                 int64_t ld, REAL *restrict to, REAL *restrict weight) {
    for (int64_t i = 0; i < B; i++) {
        const REAL *y = rows->Y + NAME(number)(rows, order, start + i) * C;
        if (rows->y_scale)
            for (int64_t c = 0; c < C; c++) to[c * ld + i] = (y[c] - rows->y_shift[c]) / rows->y_scale[c];
        else
            for (int64_t c = 0; c < C; c++) to[c * ld + i] = y[c];
        if (rows->weight) weight[i] = rows->weight[order ? order[start + i] : start + i];
    }
}

INLINE int64_t NAME(least)(int64_t a, int64_t b) { return a < b ? a : b; }

/* The number of elements that the targets of n rows take, in batches and their pieces. */
static int64_t NAME(length_of_targets)(int64_t n, int64_t batch, int64_t piece, int64_t C) {
    int64_t length = 0;
    for (int64_t start = 0; start < n; start += batch)
        for (int64_t done = 0, rows = NAME(least)(batch, n - start); done < rows; done += piece)
            length += C * NAME(filled)(NAME(least)(piece, rows - done));
    return length;
}

/* Room for as many rows as any of these members has, unless they are too many. 0, or −1 without memory. */
static int NAME(make_room)(NAME(Kept) * kept, const NAME(Work) * work, const NAME(Rows) * rows, int64_t batch) {
    const NAME(Job) *job = work->job;
    int64_t C = job->sizes[job->layers], n = 0;
    for (int64_t g = 0; g < job->members; g++) n = rows[g].n > n ? rows[g].n : n;
    int64_t inputs = NAME(filled)(n * work->ldx), targets = NAME(length_of_targets)(n, batch ? batch : n, work->piece, C);
    int64_t length = inputs + targets + NAME(filled)(n);
    if (length > ROWS_KEPT) return 0;
    kept->memory = calloc(1, (size_t)length * sizeof(REAL) + CACHE_LINE);
    if (!kept->memory) return -1;
    kept->room = (REAL *)(((uintptr_t)kept->memory + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    kept->y = kept->room + inputs, kept->weight = kept->y + targets;
    return 0;
}

/* Read all rows in order, for batches and their pieces. */
static void NAME(keep)(NAME(Kept) * kept, const NAME(Work) * work, const NAME(Rows) * rows, const int64_t *order,
                       int64_t batch) {
    const NAME(Job) *job = work->job;
    int64_t C = job->sizes[job->layers];
    REAL *y = kept->y;
    kept->x = NAME(in_order)(work, rows, order) ? rows->X : kept->room;
    if (kept->x == kept->room) NAME(gather_inputs)(work, rows, order, 0, rows->n, kept->room);
    for (int64_t start = 0; start < rows->n; start += batch)
        for (int64_t done = 0, all = NAME(least)(batch, rows->n - start); done < all; done += work->piece) {
            int64_t B = NAME(least)(work->piece, all - done), ld = NAME(filled)(B);
            NAME(gather_targets)(rows, order, start + done, B, C, ld, y, kept->weight + start + done);
            y += C * ld;
        }
}

/* The B rows from `at` on. `y_at` is the offset of the targets and advances past this piece's. */
static NAME(Piece) NAME(read)(NAME(Work) * work, const NAME(Rows) * rows, const NAME(Kept) * kept,
                              const int64_t *order, int64_t at, int64_t B, int64_t *y_at) {
    int64_t C = work->job->sizes[work->job->layers], ld = NAME(filled)(B);
    NAME(Piece) piece = {.B = B, .ld = ld};
    if (kept->memory) {
        piece.x = kept->x + at * work->ldx, piece.y = kept->y + *y_at, *y_at += C * ld;
        piece.weight = rows->weight ? kept->weight + at : NULL;
        return piece;
    }
    piece.x = NAME(in_order)(work, rows, order) ? rows->X + at * work->ldx : work->x;
    if (piece.x == work->x) NAME(gather_inputs)(work, rows, order, at, B, work->x);
    NAME(gather_targets)(rows, order, at, B, C, ld, work->y, work->weight);
    piece.y = work->y, piece.weight = rows->weight ? work->weight : NULL;
    return piece;
}
