/* C ← init + A·B for row-major B and C whose rows are whole vectors.
 *
 * init is NULL for 0, lines of C's length (ldi = 0 repeats one), or, with ldi = EACH, one number for each of C's lines.
 * Each element of C is one chain of fused multiply-adds over k in order, whatever tile it falls into: the numbers
 * don't depend on M or on which rows are multiplied together.
 */

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define V NAME(vector)
#define LANES (VECTOR_BYTES / (int)sizeof(REAL))

/* MR rows by NV vectors of C in registers. A(i, k) = A[i·am + k·ak]. */
INLINE void NAME(tile)(const int MR, const int NV, int64_t K, const REAL *A, int64_t am, int64_t ak, const REAL *B,
                       int64_t ldb, REAL *C, int64_t ldc, const REAL *init, int64_t ldi) {
    V sum[8][4];
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NV; j++) {
            sum[i][j] = (V){0};
            if (init && ldi == EACH) sum[i][j] += init[i];
            if (init && ldi != EACH) sum[i][j] = *(const V *)(init + i * ldi + j * LANES);
        }
    for (int64_t k = 0; k < K; k++) {
        V b[4];
        for (int j = 0; j < NV; j++) b[j] = *(const V *)(B + k * ldb + j * LANES);
        for (int i = 0; i < MR; i++) {
            REAL a = A[i * am + k * ak];
            for (int j = 0; j < NV; j++) sum[i][j] += a * b[j];
        }
    }
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NV; j++) *(V *)(C + i * ldc + j * LANES) = sum[i][j];
}

#define TILE(MR, NV)                                                                                                 \
    NAME(tile)(MR, NV, K, A + i * am, am, ak, B + j * LANES, ldb, C + i * ldc + j * LANES, ldc,                       \
               !init ? NULL : ldi == EACH ? init + i : init + i * ldi + j * LANES, ldi)

#define COLUMNS(NV, MR)                                                                                              \
    for (; j + (NV) <= vectors; j += (NV)) {                                                                         \
        int64_t i = 0;                                                                                               \
        for (; i + (MR) <= M; i += (MR)) TILE(MR, NV);                                                               \
        for (; i + 2 <= M; i += 2) TILE(2, NV);                                                                      \
        for (; i < M; i++) TILE(1, NV);                                                                              \
    }

/* C (M, N) ← init + A (M, K) · B (K, N), N in vectors. */
static void NAME(product)(int64_t M, int64_t vectors, int64_t K, const REAL *A, int64_t am, int64_t ak, const REAL *B,
                          int64_t ldb, REAL *C, int64_t ldc, const REAL *init, int64_t ldi) {
    int64_t j = 0;
    COLUMNS(4, TILE_ROWS_OF_4)
    COLUMNS(2, TILE_ROWS_OF_2)
    COLUMNS(1, 8)
}

#undef COLUMNS
#undef TILE
