/* The stages. Each reads artefacts from IN and writes artefacts to OUT; `parity stages` lists dims, dtypes and units.
 *
 * C chunks of F = 589 frames and S = 3 local speakers, N output frames, K clusters, T embeddings to cluster.
 */
#ifndef STAGES_H
#define STAGES_H

#include "npy.h"
#include "port.h"

bool speaker_counting(struct job *job);
bool filter(struct job *job);
bool assignment(struct job *job);
bool reconstruction(struct job *job);
bool annotation(struct job *job);

/* Segmentations (C, F, S) float32, with the lengths checked. */
bool read_segmentations(struct job *job, struct array *segmentations);

/* speaker_counting with this rounding, and assignment with this way to assign the speakers of one chunk. */
typedef float rounding(float number);
typedef bool assigning(struct job *job, const double *scores, size_t rows, size_t columns, int *column_of_row);
bool count_by(struct job *job, rounding *round);
bool assign_by(struct job *job, assigning *assign);

/* The best one-to-one assignment: column of each row, -1 for a row left over. Scores are (rows, columns) float64. */
bool best_assignment(struct job *job, const double *scores, size_t rows, size_t columns, int *column_of_row);

#endif
