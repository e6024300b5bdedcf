/* The program contract of the lab, protocol 1: `describe`, `stage NAME IN OUT`, `serve`. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

enum { PROTOCOL = 1 };

bool fail(struct job *job, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->error, sizeof job->error, format, arguments);
    va_end(arguments);
    return false;
}

void *get(struct job *job, size_t count, size_t size) {
    return memory_get(&job->memory, count, size);
}

bool parameter(struct job *job, const char *name, double otherwise, double *value) {
    const struct json *found = json_member(job->parameters, name);
    *value = otherwise;
    if (!found || found->type == JSON_NULL) return true;
    if (found->type != JSON_NUMBER) return fail(job, "parameters.json: %s is no number", name);
    *value = found->number;
    return true;
}

bool recording(struct job *job, const char **uri) {
    const struct json *found = json_member(job->parameters, "uri");
    if (!found || found->type != JSON_STRING) return fail(job, "parameters.json: uri, the recording's name, is missing");
    *uri = found->string;
    return true;
}

static bool read_parameters(struct job *job) {
    char path[4096], why[200];
    if (snprintf(path, sizeof path, "%s/parameters.json", job->in) >= (int)sizeof path)
        return fail(job, "%s: too long a path", job->in);
    FILE *file = fopen(path, "rb");
    if (!file) return fail(job, "%s: cannot be opened", path);
    size_t room = 1 << 20;
    char *text = get(job, room, 1);
    size_t length = fread(text, 1, room, file);
    bool whole = length < room && !ferror(file);
    fclose(file);
    if (!whole) return fail(job, "%s: cannot be read, or is over %zu bytes", path, room);
    job->parameters = json_parse(&job->memory, text, length, why, sizeof why);
    if (!job->parameters) return fail(job, "%s: %s", path, why);
    return job->parameters->type == JSON_OBJECT || fail(job, "%s: not a JSON object", path);
}

static bool run_stage(const struct port *port, const char *name, struct job *job) {
    for (size_t i = 0; i < port->num_stages; i++)
        if (strcmp(port->stages[i].name, name) == 0) return read_parameters(job) && port->stages[i].run(job);
    return fail(job, "no stage %s in %s", name, port->name);
}

static void describe(const struct port *port) {
    printf("{\"protocol\": %d, \"name\": ", PROTOCOL);
    json_write_string(stdout, port->name);
    printf(", \"version\": ");
    json_write_string(stdout, port->version);
    printf(", \"pipeline\": \"community-1\", \"stages\": [");
    for (size_t i = 0; i < port->num_stages; i++) {
        if (i) printf(", ");
        json_write_string(stdout, port->stages[i].name);
    }
    printf("], \"formats\": [\"npy\"], \"serve\": true, \"run\": false, \"declares\": {}}");
}

/* The next line without its end, kept in `line`, which grows; false at the end of input. */
static bool next_line(char **line, size_t *room, size_t *length) {
    *length = 0;
    int next;
    while ((next = getchar()) != EOF && next != '\n') {
        if (*length + 1 >= *room) {
            *room = *room ? *room * 2 : 1024;
            *line = realloc(*line, *room);
            if (!*line) exit(3);
        }
        (*line)[(*length)++] = (char)next;
    }
    return next != EOF || *length > 0;
}

static const char *text_of(const struct json *request, const char *key) {
    const struct json *found = json_member(request, key);
    return found && found->type == JSON_STRING ? found->string : NULL;
}

/* Do what a request asks; what it is told in the answer beside `ok` is printed by `answer`. */
static bool fulfil(const struct port *port, const struct json *request, struct job *job, bool *describes) {
    const char *kind = text_of(request, "request");
    if (!kind) return fail(job, "a request has the member \"request\"");
    if ((*describes = strcmp(kind, "describe") == 0)) return true;
    if (strcmp(kind, "stage") != 0) return fail(job, "unknown request %s", kind);
    const char *name = text_of(request, "stage");
    job->in = text_of(request, "in");
    job->out = text_of(request, "out");
    if (!name || !job->in || !job->out) return fail(job, "a request for a stage has stage, in and out");
    return run_stage(port, name, job);
}

static void answer(const struct port *port, const char *line, size_t length) {
    struct job job = {0};
    bool describes = false, good = false;
    const struct json *request = json_parse(&job.memory, line, length, job.error, sizeof job.error);
    if (request) good = fulfil(port, request, &job, &describes);
    const struct json *id = json_member(request, "id");
    if (id && id->type == JSON_NUMBER)
        printf("{\"id\": %.17g, \"ok\": %s", id->number, good ? "true" : "false");
    else
        printf("{\"id\": null, \"ok\": %s", good ? "true" : "false");
    if (!good) {
        printf(", \"error\": ");
        json_write_string(stdout, job.error);
    } else if (describes) {
        printf(", \"describe\": ");
        describe(port);
    }
    printf("}\n");
    fflush(stdout);
    memory_release(&job.memory);
}

static int serve(const struct port *port) {
    char *line = NULL;
    size_t room = 0, length;
    while (next_line(&line, &room, &length)) answer(port, line ? line : "", length);
    free(line);
    return 0;
}

static int one_stage(const struct port *port, const char *name, const char *in, const char *out) {
    struct job job = {.in = in, .out = out};
    bool good = run_stage(port, name, &job);
    if (!good) fprintf(stderr, "%s: %s\n", name, job.error);
    memory_release(&job.memory);
    return good ? 0 : 1;
}

int port_main(const struct port *port, int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "describe") == 0) {
        describe(port);
        printf("\n");
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "serve") == 0) return serve(port);
    if (argc == 5 && strcmp(argv[1], "stage") == 0) return one_stage(port, argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: %s describe | stage NAME IN OUT | serve\n", port->name);
    return 2;
}
