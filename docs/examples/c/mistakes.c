#include "mistakes.h"

#include <math.h>

/* The best pair first, then the best that is left, where the best total wins. */
static bool best_pairs_first(struct job *job, const double *scores, size_t rows, size_t columns, int *column_of_row) {
    bool *taken = get(job, columns, sizeof *taken);
    for (size_t i = 0; i < rows; i++) column_of_row[i] = -1;
    for (size_t pair = 0; pair < rows && pair < columns; pair++) {
        size_t best_row = rows, best_column = 0;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) {
                if (column_of_row[i] >= 0 || taken[j]) continue;
                if (best_row == rows || scores[i * columns + j] > scores[best_row * columns + best_column])
                    best_row = i, best_column = j;
            }
        column_of_row[best_row] = (int)best_column;
        taken[best_column] = true;
    }
    return true;
}

bool greedy_assignment(struct job *job) {
    return assign_by(job, best_pairs_first);
}

/* 0.5 becomes 1 and 2.5 becomes 3, where halves go to the even number. */
static float half_up(float number) {
    return floorf(number + 0.5f);
}

bool count_half_up(struct job *job) {
    return count_by(job, half_up);
}
