/* Two mistakes that ports make, to be planted with `--mistake`. */
#ifndef MISTAKES_H
#define MISTAKES_H

#include "stages.h"

bool greedy_assignment(struct job *job);
bool count_half_up(struct job *job);

#endif
