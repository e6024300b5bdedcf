/* A strict reader of JSON (RFC 8259): parameters.json and the lines of `serve`. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "memory.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    bool boolean;
    double number;
    const char *string;      /* UTF-8, zero-terminated; a zero inside is refused */
    const char *key;         /* of a member of an object */
    const struct json *first; /* of an array or object */
    const struct json *next; /* its neighbour */
};

/* One document and nothing after it; NULL where it is not JSON, and then why and where. */
const struct json *json_parse(struct memory *memory, const char *text, size_t length, char *error, size_t room);

/* A member of an object; NULL where there is none, or `object` is none. */
const struct json *json_member(const struct json *object, const char *key);

/* A string with quotes and escapes; bytes that are no UTF-8 become question marks. */
void json_write_string(FILE *file, const char *text);

#endif
