/* speaker_counting: how many people speak in each output frame. filter: which embeddings are good enough to cluster. */

#include <math.h>

#include "geometry.h"
#include "stages.h"

static const double MIN_ACTIVE_RATIO = 0.2;

bool read_segmentations(struct job *job, struct array *segmentations) {
    return read_array(job, "segmentations", F4, 3, segmentations) &&
           expect_length(job, "segmentations", segmentations, 1, FRAMES) &&
           expect_length(job, "segmentations", segmentations, 2, SPEAKERS);
}

/* segmentations (C, F, S) f4 -> count (N, 1) u1: the mean over chunks, rounded half to even. */
bool speaker_counting(struct job *job) {
    return count_by(job, rintf);
}

bool count_by(struct job *job, rounding *round) {
    struct array segmentations;
    if (!read_segmentations(job, &segmentations)) return false;
    size_t chunks = segmentations.shape[0], shape[] = {num_frames(chunks), 1};
    float *total = get(job, shape[0], sizeof *total), *weight = get(job, shape[0], sizeof *weight);
    for (size_t chunk = 0; chunk < chunks; chunk++)
        for (size_t frame = 0; frame < FRAMES; frame++) {
            const float *row = segmentations.f4 + (chunk * FRAMES + frame) * SPEAKERS;
            float active = row[0] + row[1] + row[2];
            if (isnan(active)) continue; /* the chunk says nothing of this frame */
            total[first_frame(chunk) + frame] += active;
            weight[first_frame(chunk) + frame] += 1;
        }
    struct array count = new_array(job, U1, 2, shape);
    for (size_t frame = 0; frame < shape[0]; frame++)
        count.u1[frame] = (uint8_t)round(total[frame] / fmaxf(weight[frame], 1e-12f));
    return write_array(job, "count", &count);
}

/* Frames of a chunk in which a speaker is active and nobody else is. */
static float clean_frames(const float *chunk, size_t speaker) {
    float clean = 0;
    for (size_t frame = 0; frame < FRAMES; frame++) {
        const float *row = chunk + frame * SPEAKERS;
        clean += row[speaker] * (row[0] + row[1] + row[2] == 1.0f);
    }
    return clean;
}

static bool any_nan(const float *numbers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (isnan(numbers[i])) return true;
    return false;
}

/* embeddings (C, S, 256) f4, segmentations -> train_chunk_idx, train_speaker_idx (T,) i8: speakers who are alone for a
 * fifth of the chunk and whose embedding holds no NaN; in chunk order, then speaker order. */
bool filter(struct job *job) {
    struct array segmentations, embeddings;
    if (!read_segmentations(job, &segmentations) || !read_array(job, "embeddings", F4, 3, &embeddings) ||
        !expect_length(job, "embeddings", &embeddings, 0, segmentations.shape[0]) ||
        !expect_length(job, "embeddings", &embeddings, 1, SPEAKERS))
        return false;
    size_t most = segmentations.shape[0] * SPEAKERS, length = embeddings.shape[2], kept = 0;
    struct array chunk_idx = new_array(job, I8, 1, &most), speaker_idx = new_array(job, I8, 1, &most);
    for (size_t chunk = 0; chunk < segmentations.shape[0]; chunk++)
        for (size_t speaker = 0; speaker < SPEAKERS; speaker++) {
            float clean = clean_frames(segmentations.f4 + chunk * FRAMES * SPEAKERS, speaker);
            const float *embedding = embeddings.f4 + (chunk * SPEAKERS + speaker) * length;
            if (!(clean >= MIN_ACTIVE_RATIO * FRAMES) || any_nan(embedding, length)) continue;
            chunk_idx.i8[kept] = (int64_t)chunk;
            speaker_idx.i8[kept++] = (int64_t)speaker;
        }
    chunk_idx.size = chunk_idx.shape[0] = speaker_idx.size = speaker_idx.shape[0] = kept;
    return write_array(job, "train_chunk_idx", &chunk_idx) && write_array(job, "train_speaker_idx", &speaker_idx);
}
