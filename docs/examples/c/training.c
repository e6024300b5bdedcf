/* xvec and plda: embeddings -> the space where VBx works.
 *
 * The lab re-solves the stored PLDA as a generalised eigenproblem. Its solution is known without solving: the rows of the
 * stored transform, by falling between-class variance, each up to its sign, which is arbitrary there too.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "clustering.h"

enum { WIDE = 256, NARROW = 128 };

const char *plda_folder;

bool read_training(struct job *job, struct array *rows) {
    struct array embeddings, chunks, speakers;
    if (!read_array(job, "embeddings", F4, 3, &embeddings) || !read_as_i8(job, "train_chunk_idx", 1, &chunks) ||
        !read_as_i8(job, "train_speaker_idx", 1, &speakers) ||
        !expect_length(job, "train_speaker_idx", &speakers, 0, chunks.size))
        return false;
    size_t length = embeddings.shape[2], shape[] = {chunks.size, length};
    *rows = new_array(job, F4, 2, shape);
    for (size_t i = 0; i < chunks.size; i++) {
        size_t chunk = (size_t)chunks.i8[i], speaker = (size_t)speakers.i8[i];
        if (chunk >= embeddings.shape[0] || speaker >= embeddings.shape[1])
            return fail(job, "train_chunk_idx.npy: entry %zu points at no embedding", i);
        const float *from = embeddings.f4 + (chunk * embeddings.shape[1] + speaker) * length;
        for (size_t k = 0; k < length; k++) rows->f4[i * length + k] = from[k];
    }
    return true;
}

/* A constant of the PLDA as float64, with its lengths checked; `columns` 0 is a vector. */
static bool read_constant(struct job *job, const char *name, size_t rows, size_t columns, double **found) {
    char path[4096];
    struct array array;
    if (snprintf(path, sizeof path, "%s/plda_%s.npy", plda_folder, name) >= (int)sizeof path)
        return fail(job, "%s: too long a path", plda_folder);
    if (!read_npy(job, path, &array)) return false;
    bool fits = array.num_dims == (columns ? 2 : 1) && array.shape[0] == rows && (!columns || array.shape[1] == columns);
    if (!fits || (array.dtype != F4 && array.dtype != F8)) return fail(job, "%s: expected floats, %zu by %zu", path, rows, columns);
    *found = get(job, array.size, sizeof **found);
    for (size_t i = 0; i < array.size; i++) (*found)[i] = array.dtype == F4 ? array.f4[i] : array.f8[i];
    return true;
}

/* Take a mean off and stretch to this norm. */
static void centre(double *row, const double *mean, size_t length, double norm) {
    double squares = 0;
    for (size_t i = 0; i < length; i++) {
        row[i] -= mean[i];
        squares += row[i] * row[i];
    }
    for (size_t i = 0; i < length; i++) row[i] = norm * (row[i] / sqrt(squares));
}

/* embeddings, train_chunk_idx, train_speaker_idx -> post_xvec (T, 128) f8: centred, of norm sqrt(256), reduced by LDA,
 * centred again, of norm sqrt(128). */
bool xvec(struct job *job) {
    struct array rows;
    double *mean1, *mean2, *lda;
    if (!read_training(job, &rows) || !expect_length(job, "embeddings", &rows, 1, WIDE) ||
        !read_constant(job, "mean1", WIDE, 0, &mean1) || !read_constant(job, "mean2", NARROW, 0, &mean2) ||
        !read_constant(job, "lda", WIDE, NARROW, &lda))
        return false;
    size_t shape[] = {rows.shape[0], NARROW};
    struct array out = new_array(job, F8, 2, shape);
    for (size_t i = 0; i < rows.shape[0]; i++) {
        double wide[WIDE], *narrow = out.f8 + i * NARROW;
        for (size_t k = 0; k < WIDE; k++) wide[k] = rows.f4[i * WIDE + k];
        centre(wide, mean1, WIDE, sqrt(WIDE));
        for (size_t k = 0; k < WIDE; k++)
            for (size_t to = 0; to < NARROW; to++) narrow[to] += lda[k * NARROW + to] * wide[k];
        centre(narrow, mean2, NARROW, sqrt(NARROW));
    }
    return write_array(job, "post_xvec", &out);
}

/* The numbers of the axes by falling variance. */
static void fall(const double *variance, size_t *order) {
    for (size_t i = 0; i < NARROW; i++) {
        size_t to = i;
        for (; to > 0 && variance[i] > variance[order[to - 1]]; to--) order[to] = order[to - 1];
        order[to] = i;
    }
}

/* post_xvec -> post_plda (T, 128) f8, phi (128,) f8. */
bool plda(struct job *job) {
    struct array in;
    double *mu, *transform, *variance;
    if (!read_array(job, "post_xvec", F8, 2, &in) || !expect_length(job, "post_xvec", &in, 1, NARROW) ||
        !read_constant(job, "mu", NARROW, 0, &mu) || !read_constant(job, "tr", NARROW, NARROW, &transform) ||
        !read_constant(job, "psi", NARROW, 0, &variance))
        return false;
    size_t order[NARROW], axes = NARROW;
    fall(variance, order);
    struct array out = new_array(job, F8, 2, in.shape), phi = new_array(job, F8, 1, &axes);
    for (size_t axis = 0; axis < NARROW; axis++) {
        const double *direction = transform + order[axis] * NARROW;
        phi.f8[axis] = variance[order[axis]];
        for (size_t i = 0; i < in.shape[0]; i++)
            for (size_t k = 0; k < NARROW; k++)
                out.f8[i * NARROW + axis] += (in.f8[i * NARROW + k] - mu[k]) * direction[k];
    }
    return write_array(job, "post_plda", &out) && write_array(job, "phi", &phi);
}
