/* c_port: every stage behind the embedding network but KMeans.
 *
 * usage: c_port [--plda FOLDER] [--mistake greedy_assignment|count_half_up] describe | stage NAME IN OUT | serve
 *
 * FOLDER is `constants` of a porting kit; without it xvec and plda are left to the lab.
 */

#include <stdio.h>
#include <string.h>

#include "clustering.h"
#include "mistakes.h"

static struct stage stages[] = {
    {"xvec", xvec},
    {"plda", plda},
    {"speaker_counting", speaker_counting},
    {"filter", filter},
    {"ahc", ahc},
    {"vbx", vbx},
    {"centroids", centroids},
    {"scoring", scoring},
    {"assignment", assignment},
    {"reconstruction", reconstruction},
    {"annotation", annotation},
};

enum { NUM_STAGES = sizeof stages / sizeof *stages, OF_PLDA = 2 };

static bool put_in_place(const char *name, bool (*run)(struct job *job)) {
    for (size_t i = 0; i < NUM_STAGES; i++)
        if (strcmp(stages[i].name, name) == 0) stages[i].run = run;
    return true;
}

static bool plant(const char *mistake) {
    if (strcmp(mistake, "greedy_assignment") == 0) return put_in_place("assignment", greedy_assignment);
    if (strcmp(mistake, "count_half_up") == 0) return put_in_place("speaker_counting", count_half_up);
    fprintf(stderr, "--mistake %s: there are greedy_assignment, count_half_up\n", mistake);
    return false;
}

int main(int argc, char **argv) {
    while (argc > 2 && strncmp(argv[1], "--", 2) == 0) {
        if (strcmp(argv[1], "--plda") == 0) {
            plda_folder = argv[2];
        } else if (strcmp(argv[1], "--mistake") != 0 || !plant(argv[2])) {
            return 2;
        }
        argv[2] = argv[0];
        argc -= 2;
        argv += 2;
    }
    size_t first = plda_folder ? 0 : OF_PLDA;
    const struct port port = {"c_port", "0.1.0", stages + first, NUM_STAGES - first};
    return port_main(&port, argc, argv);
}
