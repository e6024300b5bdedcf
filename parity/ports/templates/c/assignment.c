/* assignment: which cluster each speaker of each chunk is.
 *
 * Within a chunk two speakers never share a cluster, and the best total wins. Which of equal totals wins is decided by
 * the order in which the algorithm looks: it is the one that SciPy has (shortest augmenting paths; Crouse, "On
 * implementing 2D rectangular assignment algorithms", 2016), columns from the last to the first, and of equally near
 * columns one that nobody has yet.
 */

#include <math.h>

#include "geometry.h"
#include "stages.h"

enum { NOBODY = -1, UNASSIGNED = -2 };

/* A problem of no more rows than columns, and how far it is solved. */
struct problem {
    size_t rows, columns;
    double *cost;         /* (rows, columns) */
    double *u, *v;        /* dual variables of rows and of columns */
    double *shortest;     /* the nearest that a path has come to each column */
    int *path;            /* the row before each column on it */
    int *column_of_row, *row_of_column;
    int *remaining;       /* columns not on the path yet */
    bool *row_seen, *column_seen;
};

/* Search from a row for the nearest column that nobody has; that column and how far it is; NOBODY where none is. */
static int nearest_free(struct problem *p, size_t start, double *distance) {
    size_t left = p->columns, row = start;
    for (size_t i = 0; i < p->columns; i++) {
        p->remaining[i] = (int)(p->columns - 1 - i);
        p->shortest[i] = INFINITY;
        p->column_seen[i] = false;
    }
    for (size_t i = 0; i < p->rows; i++) p->row_seen[i] = false;
    for (*distance = 0;;) {
        size_t best = 0;
        double lowest = INFINITY;
        p->row_seen[row] = true;
        for (size_t i = 0; i < left; i++) {
            int column = p->remaining[i];
            double reached = *distance + p->cost[row * p->columns + (size_t)column] - p->u[row] - p->v[column];
            if (reached < p->shortest[column]) {
                p->shortest[column] = reached;
                p->path[column] = (int)row;
            }
            double near = p->shortest[column];
            if (near < lowest || (near == lowest && p->row_of_column[column] == NOBODY)) {
                lowest = near;
                best = i;
            }
        }
        if (lowest == INFINITY) return NOBODY;
        *distance = lowest;
        int column = p->remaining[best];
        p->column_seen[column] = true;
        if (p->row_of_column[column] == NOBODY) return column;
        row = (size_t)p->row_of_column[column];
        p->remaining[best] = p->remaining[--left];
    }
}

static bool assign_row(struct problem *p, size_t row) {
    double distance;
    int column = nearest_free(p, row, &distance);
    if (column == NOBODY) return false;
    p->u[row] += distance;
    for (size_t i = 0; i < p->rows; i++)
        if (p->row_seen[i] && i != row) p->u[i] += distance - p->shortest[p->column_of_row[i]];
    for (size_t i = 0; i < p->columns; i++)
        if (p->column_seen[i]) p->v[i] -= distance - p->shortest[i];
    for (size_t changed = p->rows; changed != row;) { /* along the path, each row takes the column after it */
        int before = p->path[column], given_up = p->column_of_row[before];
        p->row_of_column[column] = before;
        p->column_of_row[before] = column;
        column = given_up;
        changed = (size_t)before;
    }
    return true;
}

static struct problem new_problem(struct job *job, size_t rows, size_t columns) {
    struct problem p = {.rows = rows, .columns = columns};
    p.cost = get(job, rows * columns, sizeof *p.cost);
    p.u = get(job, rows, sizeof *p.u);
    p.v = get(job, columns, sizeof *p.v);
    p.shortest = get(job, columns, sizeof *p.shortest);
    p.path = get(job, columns, sizeof *p.path);
    p.column_of_row = get(job, rows, sizeof *p.column_of_row);
    p.row_of_column = get(job, columns, sizeof *p.row_of_column);
    p.remaining = get(job, columns, sizeof *p.remaining);
    p.row_seen = get(job, rows, sizeof *p.row_seen);
    p.column_seen = get(job, columns, sizeof *p.column_seen);
    for (size_t i = 0; i < rows; i++) p.column_of_row[i] = NOBODY;
    for (size_t i = 0; i < columns; i++) p.row_of_column[i] = NOBODY;
    return p;
}

bool best_assignment(struct job *job, const double *scores, size_t rows, size_t columns, int *column_of_row) {
    bool turned = columns < rows;
    struct problem p = turned ? new_problem(job, columns, rows) : new_problem(job, rows, columns);
    for (size_t i = 0; i < p.rows; i++)
        for (size_t j = 0; j < p.columns; j++)
            p.cost[i * p.columns + j] = -(turned ? scores[j * columns + i] : scores[i * columns + j]);
    for (size_t i = 0; i < p.rows; i++)
        if (!assign_row(&p, i)) return fail(job, "no assignment has a finite total");
    const int *found = turned ? p.row_of_column : p.column_of_row;
    for (size_t i = 0; i < rows; i++) column_of_row[i] = found[i];
    return true;
}

/* The smallest score that is no NaN, which NaN counts as; false where all are NaN. */
static bool smallest(const struct array *scores, double *found) {
    *found = INFINITY;
    for (size_t i = 0; i < scores->size; i++)
        if (scores->f8[i] < *found) *found = scores->f8[i];
    return *found < INFINITY;
}

static bool constrained(struct job *job, const struct array *scores, assigning *assign, struct array *hard) {
    size_t speakers = scores->shape[1], clusters = scores->shape[2];
    double lowest;
    if (!smallest(scores, &lowest)) return fail(job, "soft_clusters.npy: no score is a number");
    double *chunk_scores = get(job, speakers * clusters, sizeof *chunk_scores);
    int *cluster_of = get(job, speakers, sizeof *cluster_of);
    for (size_t chunk = 0; chunk < scores->shape[0]; chunk++) {
        const double *from = scores->f8 + chunk * speakers * clusters;
        for (size_t i = 0; i < speakers * clusters; i++) chunk_scores[i] = isnan(from[i]) ? lowest : from[i];
        if (!assign(job, chunk_scores, speakers, clusters, cluster_of)) return false;
        for (size_t speaker = 0; speaker < speakers; speaker++) {
            int cluster = cluster_of[speaker];
            hard->i1[chunk * speakers + speaker] = (int8_t)(cluster == NOBODY ? UNASSIGNED : cluster);
        }
    }
    return true;
}

/* Each speaker's best cluster, the first of equals; a NaN counts as the best. */
static void unconstrained(const struct array *scores, struct array *hard) {
    size_t clusters = scores->shape[2];
    for (size_t speaker = 0; speaker < hard->size; speaker++) {
        const double *row = scores->f8 + speaker * clusters;
        size_t best = 0;
        for (size_t i = 1; i < clusters && !isnan(row[best]); i++)
            if (isnan(row[i]) || row[i] > row[best]) best = i;
        hard->i1[speaker] = (int8_t)best;
    }
}

/* soft_clusters (C, S, K) f8, train_chunk_idx (T,) i8, kmeans_clusters where a number was imposed -> hard_clusters
 * (C, S) i1, -2 for nobody. With fewer than two embeddings everybody is speaker 0. */
bool assignment(struct job *job) {
    return assign_by(job, best_assignment);
}

bool assign_by(struct job *job, assigning *assign) {
    struct array scores, train;
    if (!read_as_f8(job, "soft_clusters", 3, &scores) || !read_as_i8(job, "train_chunk_idx", 1, &train))
        return false;
    if (scores.shape[2] < 1 || scores.shape[2] > 127)
        return fail(job, "soft_clusters.npy: %zu clusters, expected 1 to 127", scores.shape[2]);
    struct array hard = new_array(job, I1, 2, scores.shape);
    if (train.size >= 2) {
        if (has_input(job, "kmeans_clusters"))
            unconstrained(&scores, &hard);
        else if (!constrained(job, &scores, assign, &hard))
            return false;
    }
    return write_array(job, "hard_clusters", &hard);
}
