/* reconstruction: clustered chunks and the count -> who speaks in each output frame.
 *
 * Activations are summed over chunks; in each frame the `count` most active speakers win. Which of equally active
 * speakers wins is decided by the sort: the reference has NumPy's, which up to 16 speakers keeps their order and beyond
 * is a quicksort that does not. That is `rank` below; another sort gives another answer in tied frames.
 */

#include <math.h>

#include "geometry.h"
#include "stages.h"

enum { UNASSIGNED = -2, SMALL = 15 };

static void swap(int *order, ptrdiff_t i, ptrdiff_t j) {
    int kept = order[i];
    order[i] = order[j];
    order[j] = kept;
}

static void insertion_sort(const float *activity, int *order, ptrdiff_t low, ptrdiff_t high) {
    for (ptrdiff_t i = low + 1; i <= high; i++) {
        int moving = order[i];
        ptrdiff_t to = i;
        for (; to > low && activity[moving] > activity[order[to - 1]]; to--) order[to] = order[to - 1];
        order[to] = moving;
    }
}

/* Split around the median of the first, the middle and the last; where the median went. */
static ptrdiff_t partition(const float *activity, int *order, ptrdiff_t low, ptrdiff_t high) {
    ptrdiff_t middle = low + (high - low) / 2, left = low, right = high - 1;
    if (activity[order[middle]] > activity[order[low]]) swap(order, middle, low);
    if (activity[order[high]] > activity[order[middle]]) swap(order, high, middle);
    if (activity[order[middle]] > activity[order[low]]) swap(order, middle, low);
    float median = activity[order[middle]];
    swap(order, middle, right);
    for (;;) {
        do left++;
        while (activity[order[left]] > median);
        do right--;
        while (median > activity[order[right]]);
        if (left >= right) break;
        swap(order, left, right);
    }
    swap(order, left, high - 1);
    return left;
}

/* Sort order[low..high] from most to least active. */
static void rank(const float *activity, int *order, ptrdiff_t low, ptrdiff_t high) {
    while (high - low > SMALL) {
        ptrdiff_t median = partition(activity, order, low, high);
        rank(activity, order, low, median - 1);
        low = median + 1;
    }
    insertion_sort(activity, order, low, high);
}

/* The clusters of speakers who say something in their chunk, UNASSIGNED for the others; how many clusters there are. */
static size_t active_clusters(const struct array *segmentations, const struct array *hard, int8_t *clusters) {
    int highest = -1; /* labels are -2 to 127: int8 is enough */
    for (size_t i = 0; i < hard->size; i++) {
        const float *column = segmentations->f4 + i / SPEAKERS * FRAMES * SPEAKERS + i % SPEAKERS;
        float said = 0;
        for (size_t frame = 0; frame < FRAMES; frame++) said += column[frame * SPEAKERS];
        clusters[i] = said == 0 ? UNASSIGNED : (int8_t)hard->i8[i];
        if (clusters[i] > highest) highest = clusters[i];
    }
    return (size_t)(highest + 1);
}

/* A cluster's activity in one frame of a chunk: that of its most active speaker there; NaN counts as none. */
static float activity_of(const float *row, const int8_t *clusters, int8_t cluster) {
    float most = -INFINITY;
    for (size_t speaker = 0; speaker < SPEAKERS; speaker++) {
        if (clusters[speaker] != cluster) continue;
        if (isnan(row[speaker])) return 0;
        if (row[speaker] > most) most = row[speaker];
    }
    return most;
}

/* How many chunks say that a cluster speaks: (N, columns), of which there may be more than clusters. */
static float *activations(struct job *job, const struct array *segmentations, const int8_t *clusters, size_t columns) {
    size_t chunks = segmentations->shape[0];
    float *total = get(job, num_frames(chunks) * columns, sizeof *total);
    for (size_t chunk = 0; chunk < chunks; chunk++)
        for (size_t speaker = 0; speaker < SPEAKERS; speaker++) {
            const int8_t *own = clusters + chunk * SPEAKERS;
            int8_t cluster = own[speaker];
            bool again = (speaker > 0 && own[0] == cluster) || (speaker > 1 && own[1] == cluster);
            if (cluster < 0 || again) continue;
            float *to = total + first_frame(chunk) * columns + (size_t)cluster;
            const float *row = segmentations->f4 + chunk * FRAMES * SPEAKERS;
            for (size_t frame = 0; frame < FRAMES; frame++, to += columns, row += SPEAKERS)
                *to += activity_of(row, own, cluster);
        }
    return total;
}

/* The `count` most active of each frame, of at most `cap` of them: (N, clusters or as many as the count asks for). */
static bool write_most_active(struct job *job, const char *name, const struct array *segmentations,
                              const int8_t *clusters, size_t num_clusters, const struct array *count, double cap) {
    size_t shape[] = {count->shape[0], num_clusters};
    for (size_t frame = 0; frame < shape[0]; frame++)
        if (fmin(count->u1[frame], cap) > (double)shape[1]) shape[1] = (size_t)fmin(count->u1[frame], cap);
    const float *activity = activations(job, segmentations, clusters, shape[1]);
    struct array discrete = new_array(job, F4, 2, shape);
    int *order = get(job, shape[1], sizeof *order);
    for (size_t frame = 0; frame < shape[0]; frame++, activity += shape[1]) {
        for (size_t i = 0; i < shape[1]; i++) order[i] = (int)i;
        rank(activity, order, 0, (ptrdiff_t)shape[1] - 1);
        size_t winners = (size_t)fmin(count->u1[frame], cap);
        for (size_t i = 0; i < winners; i++) discrete.f4[frame * shape[1] + (size_t)order[i]] = 1;
    }
    return write_array(job, name, &discrete);
}

/* segmentations (C, F, S) f4, hard_clusters (C, S) integers, count (N, 1) u1 -> discrete_diarization and
 * exclusive_discrete_diarization (N, speakers) f4, the latter with at most one speaker per frame. */
bool reconstruction(struct job *job) {
    struct array segmentations, hard, count;
    double max_speakers;
    if (!read_segmentations(job, &segmentations) || !read_as_i8(job, "hard_clusters", 2, &hard) ||
        !expect_length(job, "hard_clusters", &hard, 0, segmentations.shape[0]) ||
        !expect_length(job, "hard_clusters", &hard, 1, SPEAKERS) || !read_array(job, "count", U1, 2, &count) ||
        !expect_length(job, "count", &count, 0, num_frames(segmentations.shape[0])) ||
        !parameter(job, "max_speakers", INFINITY, &max_speakers) ||
        !parameter(job, "num_speakers", max_speakers, &max_speakers))
        return false;
    for (size_t i = 0; i < hard.size; i++)
        if (hard.i8[i] < UNASSIGNED || hard.i8[i] > 127)
            return fail(job, "hard_clusters.npy: a cluster %lld", (long long)hard.i8[i]);
    int8_t *clusters = get(job, hard.size, sizeof *clusters);
    size_t num_clusters = active_clusters(&segmentations, &hard, clusters);
    return write_most_active(job, "discrete_diarization", &segmentations, clusters, num_clusters, &count,
                             max_speakers) &&
           write_most_active(job, "exclusive_discrete_diarization", &segmentations, clusters, num_clusters, &count,
                             fmin(max_speakers, 1));
}
