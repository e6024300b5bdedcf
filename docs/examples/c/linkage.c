/* Centroid linkage as SciPy has it, bit for bit, ties and inversions included; and its cut.
 *
 * The generic algorithm of Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011, section 3.1, with
 * the Lance-Williams update for centroids. Which of equals is merged first depends on the history of a binary heap, so
 * the heap is here as well. The later of two merged clusters keeps its place.
 */

#include <math.h>

#include "clustering.h"

/* A binary heap of values by key, smallest first, in which a value may change. Nothing moves past an equal. */
struct heap {
    size_t size;
    double *values; /* by place */
    size_t *keys;   /* by place */
    size_t *places; /* by key */
};

static void put(struct heap *heap, size_t place, double value, size_t key) {
    heap->values[place] = value;
    heap->keys[place] = key;
    heap->places[key] = place;
}

static void sink(struct heap *heap, size_t place) {
    double value = heap->values[place];
    size_t key = heap->keys[place];
    for (size_t child; (child = 2 * place + 1) < heap->size; place = child) {
        if (child + 1 < heap->size && heap->values[child + 1] < heap->values[child]) child++;
        if (!(value > heap->values[child])) break;
        put(heap, place, heap->values[child], heap->keys[child]);
    }
    put(heap, place, value, key);
}

static void rise(struct heap *heap, size_t place) {
    double value = heap->values[place];
    size_t key = heap->keys[place];
    for (size_t parent; place; place = parent) {
        parent = (place - 1) / 2;
        if (!(heap->values[parent] > value)) break;
        put(heap, place, heap->values[parent], heap->keys[parent]);
    }
    put(heap, place, value, key);
}

static void change(struct heap *heap, size_t key, double value) {
    size_t place = heap->places[key];
    double before = heap->values[place];
    heap->values[place] = value;
    if (value < before)
        rise(heap, place);
    else
        sink(heap, place);
}

static void pop(struct heap *heap) {
    size_t last = --heap->size;
    if (last == 0) return;
    put(heap, 0, heap->values[last], heap->keys[last]);
    sink(heap, 0);
}

/* The clusters that are left: `size` 0 where a place was given up. */
struct forest {
    size_t count;
    double *distance; /* (count, count), kept whole: both triangles are the same */
    size_t *size, *name, *neighbour;
    double *bound; /* to the nearest later cluster, or below it */
    struct heap heap;
};

static double *between(struct forest *forest, size_t x, size_t y) {
    return forest->distance + x * forest->count + y;
}

static void set_bound(struct forest *forest, size_t x, size_t neighbour, double bound) {
    forest->neighbour[x] = neighbour;
    forest->bound[x] = bound;
}

/* The nearest of the clusters behind x, the first of equals; x itself where there is none. */
static size_t nearest_behind(struct forest *forest, size_t x, double *distance) {
    size_t nearest = x;
    *distance = INFINITY;
    for (size_t y = x + 1; y < forest->count; y++)
        if (forest->size[y] && (nearest == x || *between(forest, x, y) < *distance)) {
            *distance = *between(forest, x, y);
            nearest = y;
        }
    return nearest;
}

static struct forest plant(struct job *job, const double *rows, size_t count, size_t length) {
    struct forest forest = {.count = count};
    forest.distance = get(job, count * count, sizeof *forest.distance);
    forest.size = get(job, count, sizeof *forest.size);
    forest.name = get(job, count, sizeof *forest.name);
    forest.neighbour = get(job, count, sizeof *forest.neighbour);
    forest.bound = get(job, count, sizeof *forest.bound);
    for (size_t x = 0; x < count; x++) {
        forest.size[x] = 1;
        forest.name[x] = x;
        for (size_t y = 0; y < x; y++) {
            double squares = 0;
            for (size_t k = 0; k < length; k++) {
                double difference = rows[x * length + k] - rows[y * length + k];
                squares += difference * difference;
            }
            *between(&forest, x, y) = *between(&forest, y, x) = sqrt(squares);
        }
    }
    forest.heap.size = count - 1;
    forest.heap.values = get(job, count, sizeof *forest.heap.values);
    forest.heap.keys = get(job, count, sizeof *forest.heap.keys);
    forest.heap.places = get(job, count, sizeof *forest.heap.places);
    for (size_t x = 0; x + 1 < count; x++) {
        double bound;
        size_t neighbour = nearest_behind(&forest, x, &bound);
        set_bound(&forest, x, neighbour, bound);
        put(&forest.heap, x, bound, x);
    }
    for (size_t place = forest.heap.size / 2; place-- > 0;) sink(&forest.heap, place);
    return forest;
}

/* The two closest clusters; bounds may be too low, never too high. */
static size_t closest(struct forest *forest, size_t *y, double *height) {
    for (;;) {
        size_t x = forest->heap.keys[0];
        *y = forest->neighbour[x];
        *height = forest->heap.values[0];
        if (*height == *between(forest, x, *y)) return x;
        double bound;
        size_t neighbour = nearest_behind(forest, x, &bound);
        set_bound(forest, x, neighbour, bound);
        change(&forest->heap, x, bound);
    }
}

/* Distance of the merged cluster to z, in SciPy's order of operations; rounding may put a square below zero. */
static double merged_distance(double to_x, double to_y, double height, size_t size_x, size_t size_y) {
    double x = (double)size_x, y = (double)size_y, both = x + y;
    double squares = (x * to_x * to_x + y * to_y * to_y - x * y * height * height / both) / both;
    double distance = sqrt(squares);
    return isnan(distance) ? INFINITY : distance;
}

static void merge(struct forest *forest, size_t x, size_t y, double height) {
    size_t count = forest->count, size_x = forest->size[x], size_y = forest->size[y];
    forest->size[x] = 0;
    forest->size[y] = size_x + size_y;
    for (size_t z = 0; z < count; z++)
        if (forest->size[z] && z != y)
            *between(forest, z, y) = *between(forest, y, z) =
                merged_distance(*between(forest, z, x), *between(forest, z, y), height, size_x, size_y);
    for (size_t z = 0; z < x; z++)
        if (forest->size[z] && forest->neighbour[z] == x) forest->neighbour[z] = y;
    for (size_t z = 0; z < y; z++)
        if (forest->size[z] && *between(forest, z, y) < forest->bound[z]) {
            set_bound(forest, z, y, *between(forest, z, y));
            change(&forest->heap, z, forest->bound[z]);
        }
    double bound;
    size_t neighbour = y + 1 < count ? nearest_behind(forest, y, &bound) : y;
    if (neighbour == y) return;
    set_bound(forest, y, neighbour, bound);
    change(&forest->heap, y, bound);
}

/* Rows (count, length), at least two -> dendrogram (count - 1, 4): the two clusters, their distance, the new size. */
struct array centroid_linkage(struct job *job, const double *rows, size_t count, size_t length) {
    struct forest forest = plant(job, rows, count, length);
    size_t shape[] = {count - 1, 4}, y;
    struct array dendrogram = new_array(job, F8, 2, shape);
    for (size_t step = 0; step < count - 1; step++) {
        double height, *row = dendrogram.f8 + 4 * step;
        size_t x = closest(&forest, &y, &height);
        pop(&forest.heap);
        size_t one = forest.name[x], other = forest.name[y];
        row[0] = (double)(one < other ? one : other);
        row[1] = (double)(one < other ? other : one);
        row[2] = height;
        row[3] = (double)(forest.size[x] + forest.size[y]);
        merge(&forest, x, y, height);
        forest.name[y] = count + step;
    }
    return dendrogram;
}

/* The highest merge in each subtree: centroid linkage has inversions, so it need not be the last one. */
static double *highest_below(struct job *job, const struct array *dendrogram) {
    size_t merges = dendrogram->shape[0];
    double *highest = get(job, merges, sizeof *highest);
    for (size_t i = 0; i < merges; i++) {
        highest[i] = dendrogram->f8[4 * i + 2];
        for (int side = 0; side < 2; side++) {
            size_t child = (size_t)dendrogram->f8[4 * i + (size_t)side];
            if (child > merges && highest[child - merges - 1] > highest[i]) highest[i] = highest[child - merges - 1];
        }
    }
    return highest;
}

/* Labels from 0, in the order in which SciPy walks the tree: a merge's subtrees, left before right, then its leaves. */
void cut(struct job *job, const struct array *dendrogram, double threshold, int64_t *labels) {
    size_t merges = dendrogram->shape[0], leaves = merges + 1, depth = 1;
    const double *highest = highest_below(job, dendrogram);
    size_t *walk = get(job, merges, sizeof *walk), leader = merges; /* of the cluster being walked; none: merges */
    bool *seen = get(job, merges, sizeof *seen);
    int64_t clusters = 0;
    walk[0] = merges - 1;
    while (depth) {
        size_t node = walk[depth - 1];
        bool deeper = false;
        if (leader == merges && highest[node] <= threshold) {
            leader = node;
            clusters++;
        }
        for (int side = 0; side < 2 && !deeper; side++) {
            size_t child = (size_t)dendrogram->f8[4 * node + (size_t)side];
            if (child < leaves || seen[child - leaves]) continue;
            seen[child - leaves] = deeper = true;
            walk[depth++] = child - leaves;
        }
        if (deeper) continue;
        for (int side = 0; side < 2; side++) {
            size_t child = (size_t)dendrogram->f8[4 * node + (size_t)side];
            if (child >= leaves) continue;
            if (leader == merges) clusters++;
            labels[child] = clusters - 1;
        }
        if (leader == node) leader = merges;
        depth--;
    }
}
