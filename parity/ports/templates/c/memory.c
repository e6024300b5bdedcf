#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct piece {
    struct piece *before;
    max_align_t data[];
};

void *memory_get(struct memory *memory, size_t count, size_t size) {
    struct piece *piece = NULL;
    if (size == 0 || count <= (SIZE_MAX - sizeof *piece) / size) piece = calloc(1, sizeof *piece + count * size);
    if (!piece) {
        fprintf(stderr, "no memory for %zu times %zu bytes\n", count, size);
        exit(3);
    }
    piece->before = memory->last;
    memory->last = piece;
    return piece->data;
}

void memory_release(struct memory *memory) {
    while (memory->last) {
        struct piece *before = memory->last->before;
        free(memory->last);
        memory->last = before;
    }
}
