/* ahc, vbx, centroids, scoring: embeddings -> speakers, and how close every embedding is to every speaker. */

#include <math.h>

#include "clustering.h"
#include "geometry.h"

enum { MOST_ITERATIONS = 10000, MOST_CLUSTERS = 127 };

static const double SMOOTHING = 7.0, STOP_BELOW = 1e-4, PRIOR_EPS = 1e-8;

/* The sum of squares in NumPy's order: eight sums in turns, halves of more than 128 numbers apart. */
static float sum_of_squares(const float *row, size_t length) {
    if (length > 128) {
        size_t half = length / 2 - length / 2 % 8;
        return sum_of_squares(row, half) + sum_of_squares(row + half, length - half);
    }
    float sums[8] = {0};
    for (size_t i = 0; i < length; i++) sums[i % 8] += row[i] * row[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* embeddings, train_chunk_idx, train_speaker_idx -> dendrogram (T-1, 4) f8, ahc_clusters (T,) i8: centroid linkage of
 * unit-norm embeddings; merges at or below the threshold are kept. */
bool ahc(struct job *job) {
    struct array rows;
    double threshold;
    if (!read_training(job, &rows) || !parameter(job, "threshold", 0.6, &threshold)) return false;
    size_t count = rows.shape[0], length = rows.shape[1];
    if (count < 2) return fail(job, "train_chunk_idx.npy: %zu embeddings; clustering takes two", count);
    double *unit = get(job, rows.size, sizeof *unit);
    for (size_t i = 0; i < count; i++) {
        float norm = sqrtf(sum_of_squares(rows.f4 + i * length, length)); /* float32, as in the reference */
        for (size_t k = 0; k < length; k++) {
            unit[i * length + k] = rows.f4[i * length + k] / norm;
            if (!isfinite(unit[i * length + k])) return fail(job, "embeddings.npy: embedding %zu has no direction", i);
        }
    }
    struct array dendrogram = centroid_linkage(job, unit, count, length), labels = new_array(job, I8, 1, &count);
    cut(job, &dendrogram, threshold, labels.i8);
    return write_array(job, "dendrogram", &dendrogram) && write_array(job, "ahc_clusters", &labels);
}

/* What VBx works on. T rows of D numbers, K0 speakers. */
struct model {
    size_t rows, length, speakers;
    double fa, fb;
    const double *phi;
    double *rho;                /* (T, D) */
    double *constant;           /* (T,), of each row's log-likelihood */
    double *q;                  /* (T, K0) */
    double *alpha, *inverse;    /* (K0, D) each */
    double *prior;              /* (K0,) */
};

static void update_speakers(struct model *m) {
    double ratio = m->fa / m->fb;
    for (size_t k = 0; k < m->speakers; k++) {
        double total = 0, *alpha = m->alpha + k * m->length, *inverse = m->inverse + k * m->length;
        for (size_t d = 0; d < m->length; d++) alpha[d] = 0;
        for (size_t i = 0; i < m->rows; i++) {
            double q = m->q[i * m->speakers + k];
            total += q;
            for (size_t d = 0; d < m->length; d++) alpha[d] += q * m->rho[i * m->length + d];
        }
        for (size_t d = 0; d < m->length; d++) {
            inverse[d] = 1.0 / (1 + ratio * total * m->phi[d]);
            alpha[d] *= ratio * inverse[d];
        }
    }
}

/* New responsibilities and priors; the sum of the rows' log-evidence. */
static double update_rows(struct model *m) {
    double sum = 0;
    for (size_t i = 0; i < m->rows; i++) {
        double *q = m->q + i * m->speakers, highest = -INFINITY, evidence = 0;
        for (size_t k = 0; k < m->speakers; k++) {
            const double *alpha = m->alpha + k * m->length, *inverse = m->inverse + k * m->length;
            double fit = 0, spread = 0;
            for (size_t d = 0; d < m->length; d++) {
                fit += m->rho[i * m->length + d] * alpha[d];
                spread += (inverse[d] + alpha[d] * alpha[d]) * m->phi[d];
            }
            q[k] = m->fa * (fit - 0.5 * spread + m->constant[i]) + log(m->prior[k] + PRIOR_EPS);
            if (q[k] > highest) highest = q[k];
        }
        for (size_t k = 0; k < m->speakers; k++) evidence += exp(q[k] - highest);
        evidence = highest + log(evidence);
        for (size_t k = 0; k < m->speakers; k++) q[k] = exp(q[k] - evidence);
        sum += evidence;
    }
    double all = 0;
    for (size_t k = 0; k < m->speakers; k++) m->prior[k] = 0;
    for (size_t i = 0; i < m->rows * m->speakers; i++) m->prior[i % m->speakers] += m->q[i];
    for (size_t k = 0; k < m->speakers; k++) all += m->prior[k];
    for (size_t k = 0; k < m->speakers; k++) m->prior[k] /= all;
    return sum;
}

static double penalty(const struct model *m) {
    double sum = 0;
    for (size_t i = 0; i < m->speakers * m->length; i++)
        sum += log(m->inverse[i]) - m->inverse[i] - m->alpha[i] * m->alpha[i] + 1;
    return m->fb * 0.5 * sum;
}

static struct model new_model(struct job *job, const struct array *in, const double *phi, size_t speakers) {
    struct model m = {.rows = in->shape[0], .length = in->shape[1], .speakers = speakers, .phi = phi};
    m.rho = get(job, in->size, sizeof *m.rho);
    m.constant = get(job, m.rows, sizeof *m.constant);
    m.alpha = get(job, speakers * m.length, sizeof *m.alpha);
    m.inverse = get(job, speakers * m.length, sizeof *m.inverse);
    for (size_t i = 0; i < in->size; i++) {
        m.rho[i] = in->f8[i] * sqrt(phi[i % m.length]);
        m.constant[i / m.length] += in->f8[i] * in->f8[i];
    }
    double log_two_pi = log(2 * acos(-1.0));
    for (size_t i = 0; i < m.rows; i++) m.constant[i] = -0.5 * (m.constant[i] + (double)m.length * log_two_pi);
    return m;
}

/* One-hot labels times 7 through a softmax: (T, K0). */
static struct array initial(struct job *job, const struct array *labels, size_t speakers) {
    size_t shape[] = {labels->size, speakers};
    struct array q = new_array(job, F8, 2, shape);
    double other = exp(-SMOOTHING), all = 1 + (double)(speakers - 1) * other;
    for (size_t i = 0; i < q.size; i++)
        q.f8[i] = ((size_t)labels->i8[i / speakers] == i % speakers ? 1 : other) / all;
    return q;
}

/* post_plda (T, D) f8, phi (D,) f8, ahc_clusters (T,) -> qinit, q_final (T, K0), sp_final (K0,), elbo_trajectory, all f8;
 * it stops when the ELBO grows by less than 1e-4. Equations (16), (17), (23), (25) of Landini et al., 2022. */
bool vbx(struct job *job) {
    struct array in, phi, labels;
    double fa, fb, most;
    if (!read_array(job, "post_plda", F8, 2, &in) || !read_array(job, "phi", F8, 1, &phi) ||
        !expect_length(job, "phi", &phi, 0, in.shape[1]) || !read_as_i8(job, "ahc_clusters", 1, &labels) ||
        !expect_length(job, "ahc_clusters", &labels, 0, in.shape[0]) || !parameter(job, "fa", 0.07, &fa) ||
        !parameter(job, "fb", 0.8, &fb) || !parameter(job, "max_iterations", 20, &most))
        return false;
    if (!(most >= 1 && most <= MOST_ITERATIONS))
        return fail(job, "parameters.json: max_iterations is %g, expected 1 to %d", most, MOST_ITERATIONS);
    size_t speakers = 0, iterations = (size_t)most, done = 0;
    for (size_t i = 0; i < labels.size; i++) {
        if (labels.i8[i] < 0 || (size_t)labels.i8[i] >= labels.size)
            return fail(job, "ahc_clusters.npy: a cluster %lld of %zu embeddings", (long long)labels.i8[i], labels.size);
        if ((size_t)labels.i8[i] >= speakers) speakers = (size_t)labels.i8[i] + 1;
    }
    struct array qinit = initial(job, &labels, speakers), q = initial(job, &labels, speakers);
    struct array prior = new_array(job, F8, 1, &speakers), elbo = new_array(job, F8, 1, &iterations);
    struct model model = new_model(job, &in, phi.f8, speakers);
    model.fa = fa, model.fb = fb, model.q = q.f8, model.prior = prior.f8;
    for (size_t k = 0; k < speakers; k++) prior.f8[k] = 1.0 / (double)speakers;
    while (done < iterations) {
        update_speakers(&model);
        elbo.f8[done] = update_rows(&model) + penalty(&model);
        if (++done > 1 && elbo.f8[done - 1] - elbo.f8[done - 2] < STOP_BELOW) break;
    }
    elbo.size = elbo.shape[0] = done;
    return write_array(job, "qinit", &qinit) && write_array(job, "q_final", &q) &&
           write_array(job, "sp_final", &prior) && write_array(job, "elbo_trajectory", &elbo);
}

/* The plain mean of the rows that bear a label, float32 as in the reference; NaN where none does. */
static void plain_mean(const struct array *rows, const int64_t *labels, int64_t label, float *mean) {
    float bearing = 0;
    size_t length = rows->shape[1];
    for (size_t i = 0; i < rows->shape[0]; i++) {
        if (labels && labels[i] != label) continue;
        for (size_t k = 0; k < length; k++) mean[k] += rows->f4[i * length + k];
        bearing++;
    }
    for (size_t k = 0; k < length; k++) mean[k] /= bearing;
}

/* Means over the clusters of KMeans, or over everything where there was nothing to cluster: f4. */
static bool write_plain(struct job *job, const struct array *rows, const int64_t *labels, size_t clusters) {
    size_t shape[] = {clusters, rows->shape[1]};
    struct array means = new_array(job, F4, 2, shape);
    for (size_t k = 0; k < clusters; k++) plain_mean(rows, labels, (int64_t)k, means.f4 + k * shape[1]);
    return write_array(job, "centroids", &means);
}

/* How many clusters KMeans was told to make, `automatic` of which VBx had kept; 0 where it was not told. */
static bool imposed(struct job *job, size_t automatic, size_t *clusters) {
    double number, low, high;
    if (!parameter(job, "num_speakers", 0, &number) || !parameter(job, "min_speakers", 1, &low) ||
        !parameter(job, "max_speakers", INFINITY, &high))
        return false;
    if (number > 0) low = high = number;
    double found = low == high ? low : 0;
    if ((double)automatic < low) found = low;
    if ((double)automatic > high) found = high;
    *clusters = (size_t)found;
    return true;
}

static bool write_clustered(struct job *job, const struct array *rows, size_t automatic) {
    struct array labels;
    size_t clusters;
    if (!read_as_i8(job, "kmeans_clusters", 1, &labels) || !imposed(job, automatic, &clusters) ||
        !expect_length(job, "kmeans_clusters", &labels, 0, rows->shape[0]))
        return false;
    for (size_t i = 0; i < labels.size; i++) {
        if (labels.i8[i] < 0 || labels.i8[i] > MOST_CLUSTERS)
            return fail(job, "kmeans_clusters.npy: a cluster %lld", (long long)labels.i8[i]);
        if ((size_t)labels.i8[i] >= clusters) clusters = (size_t)labels.i8[i] + 1;
    }
    return write_plain(job, rows, labels.i8, clusters);
}

/* Means of raw embeddings, weighted by the responsibilities of the speakers that survived: f8. */
static bool write_weighted(struct job *job, const struct array *rows, const struct array *prior, size_t kept) {
    struct array q;
    if (!read_array(job, "q_final", F8, 2, &q) || !expect_length(job, "q_final", &q, 0, rows->shape[0]) ||
        !expect_length(job, "q_final", &q, 1, prior->size))
        return false;
    size_t length = rows->shape[1], shape[] = {kept, length};
    struct array means = new_array(job, F8, 2, shape);
    double *mean = means.f8;
    for (size_t k = 0; k < prior->size; k++) {
        if (!(prior->f8[k] > SURVIVAL)) continue;
        double weights = 0;
        for (size_t i = 0; i < rows->shape[0]; i++) {
            double weight = q.f8[i * prior->size + k];
            weights += weight;
            for (size_t d = 0; d < length; d++) mean[d] += weight * rows->f4[i * length + d];
        }
        for (size_t d = 0; d < length; d++) mean[d] /= weights;
        mean += length;
    }
    return write_array(job, "centroids", &means);
}

/* embeddings, train_chunk_idx, train_speaker_idx, q_final, sp_final, kmeans_clusters -> centroids (K, 256). */
bool centroids(struct job *job) {
    struct array rows, prior;
    size_t kept = 0;
    if (!read_training(job, &rows)) return false;
    if (!has_input(job, "sp_final")) return write_plain(job, &rows, NULL, 1);
    if (!read_array(job, "sp_final", F8, 1, &prior)) return false;
    for (size_t k = 0; k < prior.size; k++) kept += prior.f8[k] > SURVIVAL;
    if (has_input(job, "kmeans_clusters")) return write_clustered(job, &rows, kept);
    return write_weighted(job, &rows, &prior, kept);
}

/* 2 minus the cosine distance. */
static double closeness(const float *embedding, const double *centroid, size_t length) {
    double dot = 0, one = 0, other = 0;
    for (size_t k = 0; k < length; k++) {
        dot += embedding[k] * centroid[k];
        one += (double)embedding[k] * embedding[k];
        other += centroid[k] * centroid[k];
    }
    double cosine = dot / (sqrt(one) * sqrt(other));
    if (fabs(cosine) > 1) cosine = copysign(1, cosine);
    return 2 - (1 - cosine);
}

static bool inactive(const struct array *segmentations, size_t index) {
    const float *column = segmentations->f4 + index / SPEAKERS * FRAMES * SPEAKERS + index % SPEAKERS;
    float said = 0;
    for (size_t frame = 0; frame < FRAMES; frame++) said += column[frame * SPEAKERS];
    return said == 0;
}

/* Who says nothing in a chunk gets a score one below the smallest, which is NaN where any is. */
static void set_aside(const struct array *segmentations, struct array *scores) {
    size_t clusters = scores->shape[2];
    double lowest = INFINITY;
    for (size_t i = 0; i < scores->size && !isnan(lowest); i++)
        if (!(scores->f8[i] >= lowest)) lowest = scores->f8[i];
    for (size_t i = 0; i < scores->size; i++)
        if (inactive(segmentations, i / clusters)) scores->f8[i] = lowest - 1;
}

/* embeddings (C, S, 256) f4, centroids (K, 256), segmentations, train_chunk_idx, kmeans_clusters -> soft_clusters
 * (C, S, K) f8; all ones where there was nothing to cluster. */
bool scoring(struct job *job) {
    struct array embeddings, means, segmentations, train;
    if (!read_array(job, "embeddings", F4, 3, &embeddings) || !read_as_f8(job, "centroids", 2, &means) ||
        !expect_length(job, "centroids", &means, 1, embeddings.shape[2]) ||
        !read_segmentations(job, &segmentations) || !read_as_i8(job, "train_chunk_idx", 1, &train) ||
        !expect_length(job, "segmentations", &segmentations, 0, embeddings.shape[0]) ||
        !expect_length(job, "embeddings", &embeddings, 1, SPEAKERS))
        return false;
    bool nothing = train.size < 2;
    size_t shape[] = {embeddings.shape[0], SPEAKERS, nothing ? 1 : means.shape[0]}, length = embeddings.shape[2];
    struct array scores = new_array(job, F8, 3, shape);
    for (size_t i = 0; i < scores.size; i++) {
        size_t row = i / shape[2], cluster = i % shape[2];
        scores.f8[i] = nothing ? 1 : closeness(embeddings.f4 + row * length, means.f8 + cluster * length, length);
    }
    if (!nothing && !has_input(job, "kmeans_clusters")) set_aside(&segmentations, &scores);
    return write_array(job, "soft_clusters", &scores);
}
