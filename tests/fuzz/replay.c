/*
 * Runs a fuzz target over each file of a folder (and over no octets at all), so that every
 * input that once mattered is checked again in every test run, with any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1u << 20)

static int replay(const char *path, uint8_t *buffer)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return -1;
    }
    const size_t size = fread(buffer, 1, INPUT_MAX, file);
    fclose(file);
    /* An allocation of the exact size lets the sanitizer see one octet too many. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        return -1;
    }
    memcpy(exact, buffer, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int rc = 0;
    uint8_t *buffer = malloc(INPUT_MAX);

    if (buffer == NULL || argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        free(buffer);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (dir == NULL) {
        perror(argv[1]);
        free(buffer);
        return 2;
    }
    LLVMFuzzerTestOneInput(buffer, 0);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[4096];

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        rc |= replay(path, buffer);
        count++;
    }
    closedir(dir);
    free(buffer);
    printf("%u inputs replayed\n", count);
    return rc == 0 && count > 0 ? 0 : 1;
}
