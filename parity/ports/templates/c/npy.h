/* Arrays in `.npy` files: little-endian, C order, as the lab writes them and wants them.
 *
 * Source of the format: NEP 1 of NumPy. Reading is strict: another dtype, another number of dims, Fortran order, a file
 * that is too short or too long are refused with what was expected and what was found.
 */
#ifndef NPY_H
#define NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"

enum dtype { F4, F8, I1, U1, I2, U2, I4, U4, I8, U8 };
enum { MOST_DIMS = 4 };

struct array {
    enum dtype dtype;
    int num_dims;
    size_t shape[MOST_DIMS];
    size_t size; /* numbers in all */
    union {
        float *f4;
        double *f8;
        int8_t *i1;
        uint8_t *u1;
        int16_t *i2;
        uint16_t *u2;
        int32_t *i4;
        uint32_t *u4;
        int64_t *i8;
        uint64_t *u8;
        void *data;
    };
};

/* Whether IN has an artefact. Those that were not made (nothing to cluster, say) are left out. */
bool has_input(struct job *job, const char *name);

/* IN/NAME.npy, of this dtype and with so many dims. */
bool read_array(struct job *job, const char *name, enum dtype dtype, int num_dims, struct array *array);

/* The same of float32 or float64, as float64. */
bool read_as_f8(struct job *job, const char *name, int num_dims, struct array *array);

/* The same of integers of any size up to 32 bits, or int64, as int64: labels and indices. */
bool read_as_i8(struct job *job, const char *name, int num_dims, struct array *array);

/* A `.npy` file anywhere, of whatever dtype. */
bool read_npy(struct job *job, const char *path, struct array *array);

/* Fails where an axis has another length than it must have. */
bool expect_length(struct job *job, const char *name, const struct array *array, int axis, size_t length);

/* An array of zeros to fill. */
struct array new_array(struct job *job, enum dtype dtype, int num_dims, const size_t *shape);

/* OUT/NAME.npy */
bool write_array(struct job *job, const char *name, const struct array *array);

#endif
