/* Where chunks and frames lie in time: a chunk is 10 s long and starts every second, a frame is 991 samples every 270. */
#ifndef GEOMETRY_H
#define GEOMETRY_H

#include <math.h>
#include <stddef.h>

enum { FRAMES = 589, SPEAKERS = 3 };

static const double FRAME_SECONDS = 991.0 / 16000, FRAME_STEP = 270.0 / 16000, CHUNK_SECONDS = 10.0;

/* Index of the frame whose middle is closest; halves go to the even index, as rint rounds. */
static inline size_t closest_frame(double seconds) {
    return (size_t)rint((seconds - 0.5 * FRAME_SECONDS) / FRAME_STEP);
}

/* The output frame that the first frame of a chunk is added to. */
static inline size_t first_frame(size_t chunk) {
    return closest_frame((double)chunk + 0.5 * FRAME_SECONDS);
}

/* How many output frames so many chunks have. */
static inline size_t num_frames(size_t chunks) {
    return closest_frame(CHUNK_SECONDS + ((double)chunks - 1.0) + 0.5 * FRAME_SECONDS) + 1;
}

/* The middle of an output frame in seconds, in the reference's order of operations. */
static inline double frame_middle(size_t frame) {
    double start = (double)frame * FRAME_STEP;
    return 0.5 * (start + (start + FRAME_SECONDS));
}

#endif
