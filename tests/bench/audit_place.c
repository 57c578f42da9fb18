#include "bench/audit_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void place_need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
        exit(1);
    }
}

double place_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void place_make(char path[PLACE_MAX])
{
    const char *base = getenv("TMPDIR");

    snprintf(path, PLACE_MAX, "%s/cordon-%s-XXXXXX", base != NULL ? base : "/tmp",
             program_invocation_short_name);
    place_need(mkdtemp(path) != NULL, "no folder can be made");
}

int place_remove(const char *path)
{
    char command[PLACE_MAX + 16];

    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    return system(command) == 0 ? 0 : 1;
}

uint64_t place_octets(const char *path)
{
    uint64_t sum = 0;

    for (uint32_t number = 1;; number++) {
        char name[AUDIT_FILE_NAME_MAX];
        char whole[PLACE_MAX + 64 + AUDIT_FILE_NAME_MAX];
        struct stat status;

        audit_file_name(number, name);
        snprintf(whole, sizeof(whole), "%s/%s", path, name);
        if (stat(whole, &status) != 0) {
            return sum;
        }
        sum += (uint64_t)status.st_size;
    }
}

void place_settings(struct trust_secret_key *secret, struct audit_log_settings *settings)
{
    struct trust_public_key public_key;

    *settings = (struct audit_log_settings){.secret = secret,
                                            .file_octets = 64u << 20,
                                            .seal_us = {0, 5000000, 10000000, 1000000},
                                            .checkpoint_blocks = 16,
                                            .checkpoint_us = 60000000,
                                            .retry_us = 1000000,
                                            .level = 1,
                                            .sync = true};
    trust_key_generate(secret, &public_key);
    place_need(trust_note_key_make("bench.example/audit", TRUST_NOTE_ED25519, public_key.key,
                                   &settings->key) == 0,
               "no key can be made");
}
