#include "npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_PATH = 4096, LONGEST_HEADER = 65535 };

static const struct {
    const char *descr;
    size_t size;
} DTYPES[] = {
    [F4] = {"<f4", 4}, [F8] = {"<f8", 8}, [I1] = {"|i1", 1}, [U1] = {"|u1", 1}, [I2] = {"<i2", 2},
    [U2] = {"<u2", 2}, [I4] = {"<i4", 4}, [U4] = {"<u4", 4}, [I8] = {"<i8", 8}, [U8] = {"<u8", 8},
};

static bool place(struct job *job, char *path, const char *folder, const char *name) {
    int length = snprintf(path, LONGEST_PATH, "%s/%s.npy", folder, name);
    return (length > 0 && length < LONGEST_PATH) || fail(job, "%s/%s.npy: too long a path", folder, name);
}

bool has_input(struct job *job, const char *name) {
    char path[LONGEST_PATH];
    FILE *file = place(job, path, job->in, name) ? fopen(path, "rb") : NULL;
    if (file) fclose(file);
    return file != NULL;
}

/* The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
struct header {
    const char *at;
    bool has_descr, has_order, has_shape;
};

static bool taken(struct header *header, const char *wanted) {
    while (*header->at == ' ') header->at++;
    if (strncmp(header->at, wanted, strlen(wanted)) != 0) return false;
    header->at += strlen(wanted);
    return true;
}

static bool parse_descr(struct job *job, const char *path, struct header *header, struct array *array) {
    char descr[16];
    while (*header->at == ' ') header->at++;
    if (sscanf(header->at, "'%15[^']'", descr) != 1) return fail(job, "%s: a dtype that is no number", path);
    header->at += strlen(descr) + 2;
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
        if (strcmp(descr, DTYPES[i].descr) == 0) {
            array->dtype = (enum dtype)i;
            return header->has_descr = true;
        }
    return fail(job, "%s: dtype %s; little-endian integers, float32 and float64 are read", path, descr);
}

static bool parse_shape(struct job *job, const char *path, struct header *header, struct array *array) {
    if (!taken(header, "(")) return fail(job, "%s: damaged header: no shape", path);
    array->num_dims = 0;
    while (!taken(header, ")")) {
        while (*header->at == ' ') header->at++;
        if (*header->at < '0' || *header->at > '9') return fail(job, "%s: damaged header: its shape", path);
        if (array->num_dims == MOST_DIMS) return fail(job, "%s: more than %d dims", path, MOST_DIMS);
        char *end;
        array->shape[array->num_dims++] = (size_t)strtoull(header->at, &end, 10);
        header->at = end;
        if (!taken(header, ",") && *header->at != ')') return fail(job, "%s: damaged header: its shape", path);
    }
    return header->has_shape = true;
}

static bool parse_header(struct job *job, const char *path, const char *text, struct array *array) {
    struct header header = {text, false, false, false};
    if (!taken(&header, "{")) return fail(job, "%s: damaged header: no dictionary", path);
    while (!taken(&header, "}")) {
        if (taken(&header, "'descr':") && !header.has_descr) {
            if (!parse_descr(job, path, &header, array)) return false;
        } else if (taken(&header, "'shape':") && !header.has_shape) {
            if (!parse_shape(job, path, &header, array)) return false;
        } else if (taken(&header, "'fortran_order':") && !header.has_order) {
            if (!taken(&header, "False")) return fail(job, "%s: not in C order", path);
            header.has_order = true;
        } else {
            return fail(job, "%s: damaged header near %.20s", path, header.at);
        }
        taken(&header, ",");
    }
    if (header.has_descr && header.has_order && header.has_shape) return true;
    return fail(job, "%s: damaged header: descr, fortran_order or shape is missing", path);
}

static bool read_header(struct job *job, const char *path, FILE *file, struct array *array) {
    unsigned char start[10];
    if (fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, "\x93NUMPY", 6) != 0)
        return fail(job, "%s: not a .npy file", path);
    if (start[6] != 1) return fail(job, "%s: .npy version %d; version 1 is read", path, start[6]);
    size_t length = start[8] | (size_t)start[9] << 8;
    char *text = get(job, length + 1, 1);
    if (fread(text, 1, length, file) != length) return fail(job, "%s: truncated in its header", path);
    return parse_header(job, path, text, array);
}

static bool count_numbers(struct job *job, const char *path, struct array *array) {
    array->size = 1;
    for (int axis = 0; axis < array->num_dims; axis++) {
        size_t length = array->shape[axis];
        if (length && array->size > ((size_t)1 << 40) / length) return fail(job, "%s: too large to be true", path);
        array->size *= length;
    }
    return true;
}

static bool read_open(struct job *job, const char *path, FILE *file, struct array *array) {
    if (!read_header(job, path, file, array) || !count_numbers(job, path, array)) return false;
    long start = ftell(file);
    size_t bytes = array->size * DTYPES[array->dtype].size;
    if (start < 0 || fseek(file, 0, SEEK_END) != 0) return fail(job, "%s: cannot be read", path);
    size_t there = (size_t)(ftell(file) - start);
    if (there != bytes) return fail(job, "%s: its header declares %zu bytes, %zu follow", path, bytes, there);
    fseek(file, start, SEEK_SET);
    array->data = get(job, array->size, DTYPES[array->dtype].size);
    return fread(array->data, 1, bytes, file) == bytes || fail(job, "%s: cannot be read", path);
}

bool read_npy(struct job *job, const char *path, struct array *array) {
    FILE *file = fopen(path, "rb");
    if (!file) return fail(job, "%s: cannot be opened", path);
    bool good = read_open(job, path, file, array);
    fclose(file);
    return good;
}

static bool read_input(struct job *job, const char *name, int num_dims, struct array *array) {
    char path[LONGEST_PATH];
    if (!place(job, path, job->in, name) || !read_npy(job, path, array)) return false;
    if (array->num_dims == num_dims) return true;
    return fail(job, "%s: %d dims, expected %d", path, array->num_dims, num_dims);
}

bool read_array(struct job *job, const char *name, enum dtype dtype, int num_dims, struct array *array) {
    if (!read_input(job, name, num_dims, array)) return false;
    if (array->dtype == dtype) return true;
    return fail(job, "%s.npy: dtype %s, expected %s", name, DTYPES[array->dtype].descr, DTYPES[dtype].descr);
}

bool read_as_f8(struct job *job, const char *name, int num_dims, struct array *array) {
    if (!read_input(job, name, num_dims, array)) return false;
    if (array->dtype == F8) return true;
    if (array->dtype != F4) return fail(job, "%s.npy: dtype %s, expected floats", name, DTYPES[array->dtype].descr);
    struct array wide = new_array(job, F8, array->num_dims, array->shape);
    for (size_t i = 0; i < array->size; i++) wide.f8[i] = array->f4[i];
    *array = wide;
    return true;
}

static int64_t integer(const struct array *array, size_t i) {
    switch (array->dtype) {
    case I1: return array->i1[i];
    case U1: return array->u1[i];
    case I2: return array->i2[i];
    case U2: return array->u2[i];
    case I4: return array->i4[i];
    case U4: return array->u4[i];
    default: return array->i8[i];
    }
}

bool read_as_i8(struct job *job, const char *name, int num_dims, struct array *array) {
    struct array found;
    if (!read_input(job, name, num_dims, &found)) return false;
    if (found.dtype == F4 || found.dtype == F8 || found.dtype == U8)
        return fail(job, "%s.npy: dtype %s, expected integers", name, DTYPES[found.dtype].descr);
    *array = new_array(job, I8, found.num_dims, found.shape);
    for (size_t i = 0; i < found.size; i++) array->i8[i] = integer(&found, i);
    return true;
}

bool expect_length(struct job *job, const char *name, const struct array *array, int axis, size_t length) {
    if (array->shape[axis] == length) return true;
    return fail(job, "%s.npy: axis %d has length %zu, expected %zu", name, axis, array->shape[axis], length);
}

struct array new_array(struct job *job, enum dtype dtype, int num_dims, const size_t *shape) {
    struct array array = {.dtype = dtype, .num_dims = num_dims, .size = 1};
    for (int axis = 0; axis < num_dims; axis++) array.size *= array.shape[axis] = shape[axis];
    array.data = get(job, array.size, DTYPES[dtype].size);
    return array;
}

static int header_of(const struct array *array, char *text, size_t room) {
    int used = snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", DTYPES[array->dtype].descr);
    for (int axis = 0; axis < array->num_dims; axis++)
        used += snprintf(text + used, room - (size_t)used, axis ? " %zu," : "%zu,", array->shape[axis]);
    used += snprintf(text + used, room - (size_t)used, "), }");
    while ((10 + used + 1) % 64) text[used++] = ' ';
    text[used++] = '\n';
    return used;
}

bool write_array(struct job *job, const char *name, const struct array *array) {
    char path[LONGEST_PATH], header[512];
    if (!place(job, path, job->out, name)) return false;
    int length = header_of(array, header, sizeof header - 64);
    unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)length,
                               (unsigned char)(length >> 8)};
    size_t bytes = array->size * DTYPES[array->dtype].size;
    FILE *file = fopen(path, "wb");
    if (!file) return fail(job, "%s: cannot be written", path);
    bool good = fwrite(start, 1, sizeof start, file) == sizeof start &&
                fwrite(header, 1, (size_t)length, file) == (size_t)length &&
                fwrite(array->data, 1, bytes, file) == bytes;
    if (fclose(file) != 0 || !good) return fail(job, "%s: cannot be written whole: a full disk?", path);
    return true;
}
