/* annotation: discrete diarization -> speaker turns, as RTTM.
 *
 * A turn starts at the middle of its first frame and ends at the middle of the first frame after it; turns of a
 * microsecond or less vanish. Speakers are named in the order of their numbers as text (0, 1, 10, 2); turns are ordered
 * by start, then end, then track, whose names (A, B, …, Z, AA) are compared as text too.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geometry.h"
#include "stages.h"

static const double SHORTEST = 1e-6;

struct turn {
    double start, end;
    char track[8];
    int speaker;
};

struct turns {
    struct turn *turns;
    size_t count;
};

static void name_track(char *track, size_t index) {
    char reversed[8];
    size_t length = 0;
    for (index++; index; index = (index - 1) / 26) reversed[length++] = (char)('A' + (index - 1) % 26);
    for (size_t i = 0; i < length; i++) track[i] = reversed[length - 1 - i];
    track[length] = '\0';
}

static int by_time(const void *one, const void *other) {
    const struct turn *a = one, *b = other;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    int tracks = strcmp(a->track, b->track);
    return tracks ? tracks : a->speaker - b->speaker;
}

static int by_number_as_text(const void *one, const void *other) {
    char a[16], b[16];
    snprintf(a, sizeof a, "%d", *(const int *)one);
    snprintf(b, sizeof b, "%d", *(const int *)other);
    return strcmp(a, b);
}

/* The speakers 0 to `count` - 1 in the order of their numbers as text. */
static int *speakers_as_text(struct job *job, size_t count) {
    int *speakers = get(job, count, sizeof *speakers);
    for (size_t i = 0; i < count; i++) speakers[i] = (int)i;
    qsort(speakers, count, sizeof *speakers, by_number_as_text);
    return speakers;
}

/* The turns of one speaker, in time, behind those that are there. */
static void add_turns(const struct array *discrete, int speaker, struct turns *turns) {
    size_t frames = discrete->shape[0], columns = discrete->shape[1];
    for (size_t frame = 0; frame < frames; frame++) {
        const float *column = discrete->f4 + (size_t)speaker;
        if (!(column[frame * columns] > 0.5f)) continue;
        struct turn turn = {.start = frame_middle(frame), .speaker = speaker};
        while (frame < frames && column[frame * columns] > 0.5f) frame++;
        turn.end = frame_middle(frame < frames ? frame : frames - 1);
        name_track(turn.track, (size_t)speaker);
        if (turn.end - turn.start > SHORTEST) turns->turns[turns->count++] = turn;
    }
}

/* Join turns of one speaker that are less than `gap` seconds apart; tracks are named anew then. `turns` are in the order
 * of their speakers, and of each speaker in time. */
static void fill_gaps(struct turns *turns, double gap) {
    size_t kept = 0;
    for (size_t i = 0; i < turns->count; i++) {
        struct turn turn = turns->turns[i], *last = kept ? &turns->turns[kept - 1] : NULL;
        if (last && last->speaker == turn.speaker && turn.start - last->end < gap) {
            last->end = turn.end;
        } else {
            name_track(turn.track, kept);
            turns->turns[kept++] = turn;
        }
    }
    turns->count = kept;
}

static struct turns turns_of(struct job *job, const struct array *discrete, double gap) {
    struct turns turns = {get(job, discrete->size + 1, sizeof *turns.turns), 0};
    const int *speakers = speakers_as_text(job, discrete->shape[1]);
    for (size_t i = 0; i < discrete->shape[1]; i++) add_turns(discrete, speakers[i], &turns);
    if (gap > 0) fill_gaps(&turns, gap);
    qsort(turns.turns, turns.count, sizeof *turns.turns, by_time);
    return turns;
}

/* What each speaker is called, -1 for one who never speaks in the plain diarization. */
static int *name_speakers(struct job *job, const struct turns *plain, size_t count) {
    int *names = get(job, count, sizeof *names), next = 0;
    bool *speaks = get(job, count, sizeof *speaks);
    const int *speakers = speakers_as_text(job, count);
    for (size_t i = 0; i < plain->count; i++) speaks[plain->turns[i].speaker] = true;
    for (size_t i = 0; i < count; i++) names[speakers[i]] = speaks[speakers[i]] ? next++ : -1;
    return names;
}

static bool write_rttm(struct job *job, const char *name, const char *uri, const struct turns *turns, const int *names) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s.rttm", job->out, name) >= (int)sizeof path)
        return fail(job, "%s: too long a path", job->out);
    FILE *file = fopen(path, "wb");
    if (!file) return fail(job, "%s: cannot be written", path);
    for (size_t i = 0; i < turns->count; i++) {
        const struct turn *turn = &turns->turns[i];
        fprintf(file, "SPEAKER %s 1 %.3f %.3f <NA> <NA> ", uri, turn->start, turn->end - turn->start);
        fprintf(file, names[turn->speaker] < 0 ? "%d" : "SPEAKER_%02d",
                names[turn->speaker] < 0 ? turn->speaker : names[turn->speaker]);
        fprintf(file, " <NA> <NA>\n");
    }
    bool good = !ferror(file);
    if (fclose(file) != 0 || !good) return fail(job, "%s: cannot be written whole: a full disk?", path);
    return true;
}

static bool read_discrete(struct job *job, const char *name, struct array *discrete) {
    const size_t none[] = {0, 0};
    *discrete = new_array(job, F4, 2, none);
    return !has_input(job, name) || read_array(job, name, F4, 2, discrete); /* nobody spoke: it was not made */
}

/* discrete_diarization, exclusive_discrete_diarization (N, speakers) f4 -> diarization, exclusive_diarization as RTTM,
 * under the same speaker names. */
bool annotation(struct job *job) {
    struct array plain, exclusive;
    const char *uri;
    double gap;
    if (!read_discrete(job, "discrete_diarization", &plain) ||
        !read_discrete(job, "exclusive_discrete_diarization", &exclusive) || !recording(job, &uri) ||
        !parameter(job, "min_duration_off", 0, &gap))
        return false;
    size_t speakers = plain.shape[1] > exclusive.shape[1] ? plain.shape[1] : exclusive.shape[1];
    struct turns spoken = turns_of(job, &plain, gap), alone = turns_of(job, &exclusive, gap);
    const int *names = name_speakers(job, &spoken, speakers);
    return write_rttm(job, "diarization", uri, &spoken, names) &&
           write_rttm(job, "exclusive_diarization", uri, &alone, names);
}
