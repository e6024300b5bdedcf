/* The stages between the embedding network and assignment, on top of those that the template has.
 *
 * T embeddings are clustered, K0 speakers is what VBx starts with, K what it keeps.
 */
#ifndef CLUSTERING_H
#define CLUSTERING_H

#include "stages.h"

bool xvec(struct job *job);
bool plda(struct job *job);
bool ahc(struct job *job);
bool vbx(struct job *job);
bool centroids(struct job *job);
bool scoring(struct job *job);

/* The embeddings to cluster, (T, D) float32: those that train_chunk_idx and train_speaker_idx point at. */
bool read_training(struct job *job, struct array *rows);

/* A prior above which a speaker survives VBx. */
static const double SURVIVAL = 1e-7;

/* Where the PLDA's arrays lie: `constants` of a porting kit. */
extern const char *plda_folder;

/* SciPy's centroid linkage of rows (T, D), and the labels that cutting it leaves; see linkage.c. */
struct array centroid_linkage(struct job *job, const double *rows, size_t count, size_t length);
void cut(struct job *job, const struct array *dendrogram, double threshold, int64_t *labels);

#endif
