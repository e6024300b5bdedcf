/* my_port: the name, the version and the stages of this port. A stage that you add goes into the table below. */

#include "port.h"
#include "stages.h"

static const struct stage STAGES[] = {
    {"speaker_counting", speaker_counting},
    {"filter", filter},
    {"assignment", assignment},
    {"reconstruction", reconstruction},
    {"annotation", annotation},
};

static const struct port PORT = {"my_port", "0.1.0", STAGES, sizeof STAGES / sizeof *STAGES};

int main(int argc, char **argv) {
    return port_main(&PORT, argc, argv);
}
