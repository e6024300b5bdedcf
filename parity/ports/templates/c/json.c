#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32 };

struct reader {
    struct memory *memory;
    const char *text, *at, *end;
    const char *wrong; /* the first thing that was wrong, NULL as long as nothing is */
    int depth;
};

static const struct json *value(struct reader *reader);

static void *wrong(struct reader *reader, const char *what) {
    if (!reader->wrong) reader->wrong = what;
    return NULL;
}

static bool next_is(struct reader *reader, char wanted) {
    return reader->at < reader->end && *reader->at == wanted;
}

static bool skip(struct reader *reader, char wanted) {
    if (!next_is(reader, wanted)) return false;
    reader->at++;
    return true;
}

static void skip_space(struct reader *reader) {
    while (reader->at < reader->end && *reader->at && strchr(" \t\r\n", *reader->at)) reader->at++;
}

static bool digits(struct reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
    return reader->at > start;
}

static bool number(struct reader *reader, double *found) {
    const char *start = reader->at;
    skip(reader, '-');
    if (!skip(reader, '0') && !digits(reader)) return wrong(reader, "a number without digits");
    if (skip(reader, '.') && !digits(reader)) return wrong(reader, "no digits after the point");
    if (skip(reader, 'e') || skip(reader, 'E')) {
        if (!skip(reader, '+')) skip(reader, '-');
        if (!digits(reader)) return wrong(reader, "no digits in the exponent");
    }
    char copy[64];
    size_t length = (size_t)(reader->at - start);
    if (length >= sizeof copy) return wrong(reader, "a number of more than 63 characters");
    memcpy(copy, start, length);
    copy[length] = '\0';
    *found = strtod(copy, NULL);
    return true;
}

static bool hex4(struct reader *reader, unsigned *code) {
    *code = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        const char *all = "0123456789abcdef0123456789ABCDEF";
        const char *digit = reader->at < reader->end && *reader->at ? strchr(all, *reader->at) : NULL;
        if (!digit) return false;
        *code = *code * 16 + (unsigned)(digit - all) % 16;
    }
    return true;
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

static bool unicode(struct reader *reader, char **to) {
    unsigned code, low;
    if (!hex4(reader, &code)) return wrong(reader, "\\u without four hexadecimal digits");
    if (code >= 0xD800 && code < 0xDC00) {
        if (!skip(reader, '\\') || !skip(reader, 'u') || !hex4(reader, &low) || low < 0xDC00 || low > 0xDFFF)
            return wrong(reader, "half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
        return wrong(reader, "half a surrogate pair");
    }
    if (code == 0) return wrong(reader, "a zero inside a string");
    *to = put_utf8(*to, code);
    return true;
}

static bool escape(struct reader *reader, char **to) {
    const char *known = "\"\\/bfnrt", *meant = "\"\\/\b\f\n\r\t";
    if (skip(reader, 'u')) return unicode(reader, to);
    const char *found = reader->at < reader->end && *reader->at ? strchr(known, *reader->at) : NULL;
    if (!found) return wrong(reader, "an unknown escape");
    reader->at++;
    *(*to)++ = meant[found - known];
    return true;
}

static const char *string(struct reader *reader) {
    if (!skip(reader, '"')) return wrong(reader, "expected a string");
    const char *close = reader->at;
    while (close < reader->end && *close != '"') close += *close == '\\' ? 2 : 1;
    if (close >= reader->end) return wrong(reader, "a string without its end");
    char *text = memory_get(reader->memory, (size_t)(close - reader->at) + 1, 1), *to = text; /* never longer */
    while (reader->at < close) {
        unsigned char next = (unsigned char)*reader->at++;
        if (next < 0x20) return wrong(reader, "a control character inside a string");
        if (next != '\\')
            *to++ = (char)next;
        else if (!escape(reader, &to))
            return NULL;
    }
    reader->at++;
    *to = '\0';
    return text;
}

/* What stands between brackets: values, or members where `keyed`. */
static bool inside(struct reader *reader, char close, bool keyed, struct json *owner) {
    const struct json **tail = &owner->first;
    skip_space(reader);
    if (skip(reader, close)) return true;
    do {
        const char *key = NULL;
        skip_space(reader);
        if (keyed) {
            if (!(key = string(reader))) return false;
            if (json_member(owner, key)) return wrong(reader, "the same key twice");
            skip_space(reader);
            if (!skip(reader, ':')) return wrong(reader, "expected :");
        }
        struct json *item = (struct json *)value(reader);
        if (!item) return false;
        item->key = key;
        *tail = item;
        tail = &item->next;
        skip_space(reader);
    } while (skip(reader, ','));
    return skip(reader, close) || wrong(reader, "expected , or the closing bracket");
}

static bool word(struct reader *reader, const char *wanted) {
    size_t length = strlen(wanted);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, wanted, length) != 0) return false;
    reader->at += length;
    return true;
}

static const struct json *value(struct reader *reader) {
    struct json *found = memory_get(reader->memory, 1, sizeof *found);
    bool good = true;
    skip_space(reader);
    if (++reader->depth > DEEPEST) return wrong(reader, "nested too deeply");
    if (skip(reader, '{')) {
        found->type = JSON_OBJECT;
        good = inside(reader, '}', true, found);
    } else if (skip(reader, '[')) {
        found->type = JSON_ARRAY;
        good = inside(reader, ']', false, found);
    } else if (next_is(reader, '"')) {
        found->type = JSON_STRING;
        good = (found->string = string(reader)) != NULL;
    } else if (word(reader, "null")) {
        found->type = JSON_NULL;
    } else if (word(reader, "true") || word(reader, "false")) {
        found->type = JSON_BOOL;
        found->boolean = reader->at[-2] == 'u';
    } else {
        found->type = JSON_NUMBER;
        good = number(reader, &found->number);
    }
    reader->depth--;
    return good ? found : NULL;
}

const struct json *json_parse(struct memory *memory, const char *text, size_t length, char *error, size_t room) {
    struct reader reader = {memory, text, text, text + length, NULL, 0};
    const struct json *found = value(&reader);
    skip_space(&reader);
    if (found && reader.at < reader.end) found = wrong(&reader, "something after the end");
    if (!found) snprintf(error, room, "not JSON: %s, at byte %zu", reader.wrong, (size_t)(reader.at - text));
    return found;
}

const struct json *json_member(const struct json *object, const char *key) {
    if (!object || object->type != JSON_OBJECT) return NULL;
    for (const struct json *item = object->first; item; item = item->next)
        if (strcmp(item->key, key) == 0) return item;
    return NULL;
}

/* Bytes of the UTF-8 letter that text begins with; 0 where it begins with none. */
static size_t letter(const char *text) {
    const unsigned char *byte = (const unsigned char *)text;
    size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if ((byte[0] >= 0x80 && byte[0] < 0xC2) || byte[0] > 0xF4) return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte[i] & 0xC0) != 0x80) return 0;
    bool too_long = (byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xF0 && byte[1] < 0x90);
    bool no_letter = (byte[0] == 0xED && byte[1] > 0x9F) || (byte[0] == 0xF4 && byte[1] > 0x8F);
    return too_long || no_letter ? 0 : length;
}

void json_write_string(FILE *file, const char *text) {
    fputc('"', file);
    while (*text) {
        size_t length = letter(text);
        if (length == 0)
            fputc('?', file);
        else if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(file, "\\u%04x", (unsigned char)*text);
        else
            fwrite(text, 1, length, file);
        text += length ? length : 1;
    }
    fputc('"', file);
}
