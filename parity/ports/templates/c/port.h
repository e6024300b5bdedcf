/* What a port is to this program: a name and stages, each a function of a job.
 *
 * A job is one request: the folder to read, the folder to write, the parameters, and memory that is given back when the
 * request is answered, so that no stage frees anything. A function that can fail returns bool; `fail` keeps the reason.
 */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"
#include "memory.h"

struct job {
    const char *in, *out;
    const struct json *parameters;
    struct memory memory;
    char error[512];
};

struct stage {
    const char *name;
    bool (*run)(struct job *job);
};

struct port {
    const char *name, *version;
    const struct stage *stages;
    size_t num_stages;
};

/* Keep a reason, in one line, and return false. */
bool fail(struct job *job, const char *format, ...);

/* Memory for the rest of the job, zeroed. Where there is none left the program ends: there is nothing to go on with. */
void *get(struct job *job, size_t count, size_t size);

/* A number of parameters.json; `otherwise` where it is null or not there. */
bool parameter(struct job *job, const char *name, double otherwise, double *value);

/* The recording's name, `uri` of parameters.json. */
bool recording(struct job *job, const char **uri);

/* `describe`, `stage NAME IN OUT` or `serve`; the exit status of the program. */
int port_main(const struct port *port, int argc, char **argv);

#endif
