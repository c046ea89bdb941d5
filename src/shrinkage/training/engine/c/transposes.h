/* Matrix transposes, in registers of sixteen by sixteen numbers where the processor has them. */

#if REAL_BITS == 32 && defined(__AVX512F__)

/* Transpose sixteen vectors: element j of line i becomes element i of line j. */
INLINE void turned(__m512 line[16]) {
    __m512 pairs[16], fours[16];
    for (int i = 0; i < 16; i += 2) {
        pairs[i] = _mm512_unpacklo_ps(line[i], line[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_ps(line[i], line[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d low = _mm512_castps_pd(pairs[i + j]), high = _mm512_castps_pd(pairs[i + j + 2]);
            fours[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            fours[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int j = 0; j < 4; j++) {
        __m512 a = _mm512_shuffle_f32x4(fours[j], fours[j + 4], 0x88), b = _mm512_shuffle_f32x4(fours[j], fours[j + 4], 0xdd);
        __m512 c = _mm512_shuffle_f32x4(fours[j + 8], fours[j + 12], 0x88), d = _mm512_shuffle_f32x4(fours[j + 8], fours[j + 12], 0xdd);
        line[j] = _mm512_shuffle_f32x4(a, c, 0x88);
        line[j + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        line[j + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        line[j + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#endif

/* to (columns, rows filled up with 0) ← the transpose of from (rows, columns). */
static void NAME(transpose)(int64_t rows, int64_t columns, const REAL *restrict from, int64_t from_ld,
                            REAL *restrict to, int64_t to_ld) {
    int64_t filled = NAME(filled)(rows);
#if REAL_BITS == 32 && defined(__AVX512F__)
    for (int64_t r = 0; r < filled; r += 16)
        for (int64_t c = 0; c < columns; c += 16) {
            __mmask16 there = (__mmask16)(columns - c < 16 ? (1 << (columns - c)) - 1 : 0xffff);
            __m512 line[16];
            for (int i = 0; i < 16; i++)
                line[i] = r + i < rows ? _mm512_maskz_loadu_ps(there, from + (r + i) * from_ld + c) : _mm512_setzero_ps();
            turned(line);
            for (int j = 0; j < 16; j++)
                if (c + j < columns) _mm512_storeu_ps(to + (c + j) * to_ld + r, line[j]);
        }
#else
    for (int64_t c = 0; c < columns; c++) {
        for (int64_t r = 0; r < rows; r++) to[c * to_ld + r] = from[r * from_ld + c];
        for (int64_t r = rows; r < filled; r++) to[c * to_ld + r] = 0;
    }
#endif
}
