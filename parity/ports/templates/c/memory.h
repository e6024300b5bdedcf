/* Memory that is taken piece by piece and given back all at once. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

struct piece;

struct memory {
    struct piece *last;
};

/* `count` things of `size` bytes, zeroed; ends the program where there is no memory left. */
void *memory_get(struct memory *memory, size_t count, size_t size);
void memory_release(struct memory *memory);

#endif
