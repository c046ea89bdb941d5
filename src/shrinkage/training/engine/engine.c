/* The λ path's inner loop: many small networks, trained one after another, in float and in double.
 *
 * Built when it is first needed by the machine's own C compiler, for its own processor. What each part computes is
 * defined, and tested, by the Python stack of `networks` and `training`; here it is only written for the cache.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))
#define CACHE_LINE 64
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

enum { RELU, TANH, LOGISTIC, IDENTITY };
enum { SOFTMAX, LOGISTIC_LOSS, SQUARED_ERROR };
enum { SGD, MOMENTUM, NESTEROV, ADAM };
enum { L2_FORCE, L1_FORCE };

#include "estimates.h"

#define REAL float
#define REAL_BITS 32
#define BITS int32_t
#define NAME(x) x##_f32
INLINE float root_f32(float x) { return sqrtf(x); }
#include "elementary.h"
#include "products.h"
#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "network.h"
#include "particles.h"
#include "swarm.h"

#undef REAL
#undef REAL_BITS
#undef BITS
#undef NAME
#undef V
#undef LANES
#undef SPARE_ROWS
#define REAL double
#define REAL_BITS 64
#define BITS int64_t
#define NAME(x) x##_f64
INLINE double root_f64(double x) { return sqrt(x); }
#include "elementary.h"
#include "products.h"
#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "network.h"
#include "particles.h"
#include "swarm.h"
