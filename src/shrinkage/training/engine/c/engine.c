/* The λ path's inner loop: many small networks, trained one after another, in float and in double.
 *
 * Wheels include it; otherwise the local C compiler builds it at first use, for the local processor. What each part computes
 * is defined and tested by the Python stack of `networks` and `training`; this version is arranged for the cache.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))
#define CACHE_LINE 64
#define EACH INT64_MIN
#define ROWS_AHEAD 8 /* prefetched rows of a matrix that is too large for the cache */
#define ROWS_KEPT (1 << 22) /* largest size, in numbers, of rows that are read once for several networks */
#define ACTIVATIONS_AT_A_TIME 32768 /* of all layers, in numbers: half of a small second-level cache */

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define TILE_ROWS_OF_4 6
#define TILE_ROWS_OF_2 8
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define TILE_ROWS_OF_4 2
#define TILE_ROWS_OF_2 4
#else
#define VECTOR_BYTES 16
#define TILE_ROWS_OF_4 4
#define TILE_ROWS_OF_2 8
#endif

/* Values that a job passes as numbers. Each list defines an enum and the names that the caller checks against its own. */
#define ALL_ACTIVATIONS(AS) AS(RELU) AS(TANH) AS(LOGISTIC) AS(IDENTITY)
#define ALL_LOSSES(AS)                                                                                          \
    AS(SOFTMAX) AS(LOGISTIC_LOSS) AS(SQUARED_ERROR) AS(ABSOLUTE_ERROR)                           \
    AS(HUBER) AS(QUANTILE) AS(POISSON) AS(MULTILABEL)
#define ALL_OPTIMIZERS(AS) AS(SGD) AS(MOMENTUM) AS(NESTEROV) AS(ADAM)
#define ALL_FORCES(AS) AS(L2_FORCE) AS(L1_FORCE)
#define A_NUMBER(name) name,
#define A_WORD(name) #name " "
enum { ALL_ACTIVATIONS(A_NUMBER) };
enum { ALL_LOSSES(A_NUMBER) };
enum { ALL_OPTIMIZERS(A_NUMBER) };
enum { ALL_FORCES(A_NUMBER) };
EXPORT const char enums[] =
    ALL_ACTIVATIONS(A_WORD) "\n" ALL_LOSSES(A_WORD) "\n" ALL_OPTIMIZERS(A_WORD) "\n" ALL_FORCES(A_WORD);

/* How many sums a loss's metric has: squared errors of each of C outputs, or one count of correct rows. */
INLINE int64_t hits_of(int64_t loss, int64_t C) {
    return loss == SOFTMAX || loss == LOGISTIC_LOSS || loss == QUANTILE || loss == MULTILABEL ? 1 : C;
}

/* With PROFILE defined, the engine counts the processor ticks of its parts for benchmarks/profile_path.py. */
enum { PRODUCTS, ACTIVATIONS, SCORING, STEPS, READING, PARTS };
#if defined(PROFILE)
EXPORT uint64_t ticks_of[PARTS];
static uint64_t ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}
EXPORT uint64_t now(void) { return ticks(); }
#define PART(part, call)                                                                                             \
    do {                                                                                                             \
        uint64_t before = ticks();                                                                                   \
        call;                                                                                                        \
        ticks_of[part] += ticks() - before;                                                                          \
    } while (0)
#else
#define PART(part, call) call
#endif

#include "estimates.h"

/* Sizes of the structs, for the caller to compare with its own. */
#define BYTES {sizeof(NAME(Rows)), sizeof(NAME(Job)), sizeof(NAME(Evaluation)), sizeof(NAME(Flight)), sizeof(NAME(Training))}

#define REAL float
#define REAL_BITS 32
#define BITS int32_t
#define UBITS uint32_t
#define NAME(x) x##_f32
INLINE float root_f32(float x) { return sqrtf(x); }
#include "elementary.h"
#include "products.h"
#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "transposes.h"
#include "work.h"
#include "rows.h"
#include "embedding.h"
#include "codes.h"
#include "network.h"
#include "evaluation.h"
#include "swarm.h"
EXPORT const int64_t NAME(bytes)[] = BYTES;

#undef REAL
#undef REAL_BITS
#undef BITS
#undef UBITS
#undef NAME
#undef V
#undef LANES
#undef SPARE_ROWS
#define REAL double
#define REAL_BITS 64
#define BITS int64_t
#define UBITS uint64_t
#define NAME(x) x##_f64
INLINE double root_f64(double x) { return sqrt(x); }
#include "elementary.h"
#include "products.h"
#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "transposes.h"
#include "work.h"
#include "rows.h"
#include "embedding.h"
#include "codes.h"
#include "network.h"
#include "evaluation.h"
#include "swarm.h"
EXPORT const int64_t NAME(bytes)[] = BYTES;
