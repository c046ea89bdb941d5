/* Cautious decay ahead of a step, in the one pass over weights, gradient and momentum that it needs. */

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

#define WORTH_A_THREAD 65536 /* numbers below which another thread costs more than it saves */

/* w ← keep·w where (buffer + weight·grad)·w ≥ 0 over n numbers; without a buffer (NULL) it counts as 0.
 *
 * By OpenMP's threads where the compiler has them: on Linux those are torch's own, whose idle ones would otherwise
 * keep the cores busy waiting.
 */
#define CAUTIOUS(NAME, REAL)                                                                                         \
    EXPORT void NAME(int64_t n, int64_t threads, REAL *restrict w, const REAL *restrict grad,                         \
                     const REAL *restrict buffer, double weight_of_grad, double kept) {                              \
        const REAL weight = (REAL)weight_of_grad, keep = (REAL)kept;                                                 \
        if (buffer) {                                                                                                \
            PARALLEL                                                                                                 \
            for (int64_t i = 0; i < n; i++) w[i] *= (buffer[i] + weight * grad[i]) * w[i] < 0 ? (REAL)1 : keep;      \
        } else {                                                                                                     \
            PARALLEL                                                                                                 \
            for (int64_t i = 0; i < n; i++) w[i] *= weight * grad[i] * w[i] < 0 ? (REAL)1 : keep;                    \
        }                                                                                                            \
        (void)threads;                                                                                               \
    }

#if defined(_OPENMP)
#define PARALLEL _Pragma("omp parallel for simd num_threads(threads) if (n >= 2 * WORTH_A_THREAD) schedule(static)")
#else
#define PARALLEL
#endif

CAUTIOUS(cautious_f32, float)
CAUTIOUS(cautious_f64, double)
