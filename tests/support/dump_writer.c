/* A port in miniature, written from docs/dumps.md alone: it shares no code with the project and knows no NumPy.
 *
 * usage: dump_writer FOLDER CHUNKS FRAMES SPEAKERS < segmentations (CHUNKS, 589, 3) and then
 *        discrete_diarization (FRAMES, SPEAKERS), both raw float32
 *
 * It writes segmentations, masks, train_chunk_idx, train_speaker_idx and diarization.rttm. Conventions of its own: it
 * numbers local speakers backwards in every odd chunk, calls people voice-1, voice-2, … and lists them one by one.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { F = 589, S = 3 };

static FILE *open_in(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) { perror(path); exit(1); }
    return file;
}

static void npy(const char *folder, const char *name, const char *descr, const char *shape, const void *data, size_t bytes) {
    char header[256];
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    while ((10 + used + 1) % 64) header[used++] = ' ';
    header[used++] = '\n';
    FILE *file = open_in(folder, name);
    fwrite("\x93NUMPY\x01\x00", 1, 8, file);
    fputc(used & 255, file);
    fputc(used >> 8, file);
    fwrite(header, 1, (size_t)used, file);
    fwrite(data, 1, bytes, file);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const char *folder = argv[1];
    int C = atoi(argv[2]), frames = atoi(argv[3]), people = atoi(argv[4]);
    float *in = malloc(sizeof(float) * C * F * S), *spoken = malloc(sizeof(float) * frames * people);
    if (fread(in, sizeof(float), (size_t)C * F * S, stdin) != (size_t)C * F * S) return 3;
    if (fread(spoken, sizeof(float), (size_t)frames * people, stdin) != (size_t)frames * people) return 3;

    uint8_t *segmentations = malloc((size_t)C * F * S);
    float *masks = malloc(sizeof(float) * C * F * S);
    int32_t *chunk = malloc(sizeof(int32_t) * C * S), *speaker = malloc(sizeof(int32_t) * C * S);
    int T = 0;
    for (int c = 0; c < C; c++)
        for (int s = 0; s < S; s++) {
            int own = c % 2 ? S - 1 - s : s, alone = 0;
            for (int f = 0; f < F; f++) {
                const float *row = in + ((size_t)c * F + f) * S;
                segmentations[((size_t)c * F + f) * S + s] = row[own] > 0.5f;
                alone += row[own] > 0.5f && row[0] + row[1] + row[2] < 1.5f;
            }
            for (int f = 0; f < F; f++) {
                const float *row = in + ((size_t)c * F + f) * S;
                int clean = row[own] > 0.5f && (alone <= 2 || row[0] + row[1] + row[2] < 1.5f);
                masks[((size_t)c * S + s) * F + f] = clean ? 1.0f : 0.0f;
            }
            if (5 * alone >= F) chunk[T] = c, speaker[T++] = s;
        }

    char shape[64];
    snprintf(shape, sizeof shape, "(%d, %d, %d)", C, F, S);
    npy(folder, "segmentations.npy", "|u1", shape, segmentations, (size_t)C * F * S);
    snprintf(shape, sizeof shape, "(%d, %d, %d)", C, S, F);
    npy(folder, "masks.npy", "<f4", shape, masks, sizeof(float) * C * F * S);
    snprintf(shape, sizeof shape, "(%d,)", T);
    npy(folder, "train_chunk_idx.npy", "<i4", shape, chunk, sizeof(int32_t) * T);
    npy(folder, "train_speaker_idx.npy", "<i4", shape, speaker, sizeof(int32_t) * T);

    FILE *rttm = open_in(folder, "diarization.rttm");
    for (int k = 0; k < people; k++)
        for (int f = 0; f < frames; f++) {
            if (spoken[(size_t)f * people + k] < 0.5f || (f && spoken[(size_t)(f - 1) * people + k] > 0.5f)) continue;
            int end = f;
            while (end < frames && spoken[(size_t)end * people + k] > 0.5f) end++;
            if (end == frames) end--;
            double start = (270.0 * f + 495.5) / 16000, stop = (270.0 * end + 495.5) / 16000;
            if (stop > start)
                fprintf(rttm, "SPEAKER meeting 1 %.3f %.3f <NA> <NA> voice-%d <NA> <NA>\n", start, stop - start, k + 1);
        }
    fclose(rttm);
    return 0;
}
