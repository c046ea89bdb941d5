/* Swarms whose attraction is drawn from a box: their moves, the particles' memories, and whole iterations with the
 * error of networks.
 */

typedef struct {
    int64_t swarms, particles, dimensions; /* S, P, D */
    REAL *x, *v, *p;                       /* (S, P, D) positions, velocities, best positions */
    const REAL *known;                     /* (S, P, D), or (S, D) if the same for all: the best position known */
    int64_t known_by_all;
    const REAL *drawn;                     /* (keys, 2, P, D) r₁ and r₂, uniform in [0, 1) */
    const int64_t *key;                    /* (S,) */
    double inertia, attraction, limit;     /* limit of |v|, ∞ for none */
    const REAL *low, *high;                /* (D,) bounds, or NULL */
    double rebound;                        /* share of the velocity that is reversed at a bound */
    REAL *error;                           /* (S, P) of the best positions */
    const REAL *found;                     /* (S, P) of the positions */
} NAME(Flight);

/* v ← w v + c r₁(p − x) + c r₂(known − x), |v| ≤ limit, x ← x + v, put back onto the bounds: particle i of swarm s. */
static void NAME(move_one)(const NAME(Flight) * f, int64_t s, int64_t i, const REAL *restrict known) {
    int64_t D = f->dimensions, at = (s * f->particles + i) * D, half = f->particles * D;
    REAL w = (REAL)f->inertia, c = (REAL)f->attraction, limit = (REAL)f->limit, rebound = (REAL)f->rebound;
    REAL *restrict x = f->x + at, *restrict v = f->v + at;
    const REAL *restrict p = f->p + at, *restrict r1 = f->drawn + f->key[s] * 2 * half + i * D, *restrict r2 = r1 + half;
    for (int64_t d = 0; d < D; d++) {
        REAL u = w * v[d] + c * r1[d] * (p[d] - x[d]) + c * r2[d] * (known[d] - x[d]);
        u = u > limit ? limit : u;
        v[d] = u < -limit ? -limit : u;
        x[d] += v[d];
    }
    if (!f->low) return;
    const REAL *restrict low = f->low, *restrict high = f->high;
    for (int64_t d = 0; d < D; d++) {
        REAL back = x[d] < low[d] ? low[d] : x[d];
        back = back > high[d] ? high[d] : back;
        v[d] = back == x[d] ? v[d] : -rebound * v[d];
        x[d] = back;
    }
}

/* A position with a smaller error than the particle's best becomes its best. */
static void NAME(remember_one)(const NAME(Flight) * f, int64_t particle, REAL found) {
    if (!(found < f->error[particle])) return;
    f->error[particle] = found;
    memcpy(f->p + particle * f->dimensions, f->x + particle * f->dimensions, sizeof(REAL) * f->dimensions);
}

EXPORT int NAME(move)(const NAME(Flight) * f) {
    for (int64_t s = 0; s < f->swarms; s++)
        for (int64_t i = 0; i < f->particles; i++)
            NAME(move_one)(f, s, i, f->known + (f->known_by_all ? s : s * f->particles + i) * f->dimensions);
    return 0;
}

EXPORT int NAME(remember)(const NAME(Flight) * f) {
    for (int64_t i = 0; i < f->swarms * f->particles; i++) NAME(remember_one)(f, i, f->found[i]);
    return 0;
}

/* Iterations of swarms that never stop early, on the error of networks plus an L2 or L1 penalty. */
typedef struct {
    NAME(Flight) flight;          /* known and found are not read; drawn is that of the first iteration */
    int64_t iterations, keys, ring;
    REAL *best, *best_error;      /* (S, D) and (S,) */
    const NAME(Evaluation) *rows;  /* (G,) their networks, sums and hits are not read */
    const double *row_weight;     /* (G,) Σ s */
    const int64_t *member;        /* (S,) whose rows */
    int64_t of_hits;              /* the error is the share of wrong rows */
    int64_t force, pulled;        /* the first `pulled` dimensions have the penalty */
    const REAL *strength;         /* (S,) */
} NAME(Training);

static double NAME(penalty)(int force, int64_t n, const REAL *restrict w) {
    REAL sum = 0;
    if (force == L1_FORCE) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += w[i] < 0 ? -w[i] : w[i];
        return sum;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += w[i] * w[i];
    return sum / 2;
}

/* The particle whose best position particle i knows: itself, or its left or right neighbour; the first of equals. */
static int64_t NAME(told_of)(const REAL *error, int64_t P, int64_t i) {
    int64_t left = (i + P - 1) % P, right = (i + 1) % P, who = i;
    if (error[left] < error[who]) who = left;
    if (error[right] < error[who]) who = right;
    return who;
}

/* One iteration of swarm s. `sums` holds P losses and then P hits, `who` P numbers. */
static void NAME(iterate)(const NAME(Training) * t, const NAME(Flight) * f, NAME(Buffers) * buffers, int64_t s,
                          double *sums, int64_t *who) {
    int64_t P = f->particles, D = f->dimensions;
    REAL *errors = f->error + s * P, *best = t->best + s * D;
    for (int64_t i = 0; i < P; i++) who[i] = t->ring ? NAME(told_of)(errors, P, i) : -1;
    for (int64_t i = 0; i < P; i++)
        NAME(move_one)(f, s, i, who[i] < 0 ? best : f->p + (s * P + who[i]) * D);
    NAME(Evaluation) rows = t->rows[t->member[s]];
    memset(sums, 0, sizeof(double) * 2 * P);
    rows.networks = P, rows.w = f->x + s * P * D, rows.total = sums, rows.hits = t->of_hits ? sums + P : NULL;
    NAME(evaluate_on)(&rows, buffers);
    double weight = t->row_weight[t->member[s]];
    for (int64_t i = 0; i < P; i++) {
        REAL error = (REAL)(t->of_hits ? 1 - sums[P + i] / weight : sums[i] / weight);
        error += t->strength[s] * (REAL)NAME(penalty)((int)t->force, t->pulled, rows.w + i * D);
        if (isfinite(error)) NAME(remember_one)(f, s * P + i, error);
    }
    for (int64_t i = 0; i < P; i++)
        if (errors[i] < t->best_error[s]) {
            t->best_error[s] = errors[i];
            memcpy(best, f->p + (s * P + i) * D, sizeof(REAL) * D);
        }
}

/* 0, or −1 without memory. */
EXPORT int NAME(fly)(const NAME(Training) * t) {
    int64_t P = t->flight.particles, drawn = t->keys * 2 * P * t->flight.dimensions;
    NAME(Buffers) buffers;
    double *sums = malloc(sizeof(double) * 2 * P);
    int64_t *who = malloc(sizeof(int64_t) * P);
    int failed = !sums || !who || NAME(set_up_for)(&buffers, t->rows);
    for (int64_t s = 0; s < t->flight.swarms && !failed; s++) {
        NAME(Flight) flight = t->flight;
        for (int64_t n = 0; n < t->iterations; n++) {
            NAME(iterate)(t, &flight, &buffers, s, sums, who);
            flight.drawn += drawn;
        }
    }
    if (!failed) free(buffers.memory);
    free(sums);
    free(who);
    return failed ? -1 : 0;
}
