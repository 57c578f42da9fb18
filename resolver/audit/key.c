/* The key that signs a log: made at the first start, never overwritten. */
#include "audit/lines.h"
#include "audit/recorder.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUB ".pub"

static bool public_path(const char *file, char out[AUDIT_PATH_MAX])
{
    return (size_t)snprintf(out, AUDIT_PATH_MAX, "%s" PUB, file) < AUDIT_PATH_MAX;
}

static int read_public(const char *file, enum trust_note_kind kind, struct trust_note_key *key)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int result = file_read(file, TRUST_NOTE_KEY_TEXT_MAX, &text, &len);

    if (result == 0) {
        result = trust_note_key_parse((const char *)text, len, key);
    }
    if (result == 0 && key->kind != kind) {
        result = CORDON_E_FORMAT;
    }
    free(text);
    return result;
}

int audit_key_read(const char *file, struct trust_note_key *key)
{
    return read_public(file, TRUST_NOTE_ED25519, key);
}

int audit_witness_key_read(const char *file, struct trust_note_key *key)
{
    return read_public(file, TRUST_NOTE_COSIGNATURE, key);
}

static int read_secret(const char *file, struct trust_secret_key *secret)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int result = file_read(file, TRUST_KEY_FILE_MAX, &text, &len);

    if (result == 0) {
        result = trust_secret_key_parse((const char *)text, len, NULL, secret);
        explicit_bzero(text, len);
    }
    free(text);
    return result;
}

/* Beside it first, then linked: a file of that name is there as a whole or not at all, and one
 * that is there already stays. */
static int make_secret(const char *file, struct trust_secret_key *secret)
{
    struct trust_public_key public_key;
    char beside[AUDIT_PATH_MAX];
    char text[1024];
    int result = 0;

    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", file) >= sizeof(beside)) {
        return -ENAMETOOLONG;
    }
    (void)unlink(beside); /* of one who ended here */
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    trust_key_generate(secret, &public_key);
    const size_t len = trust_secret_key_format(secret, NULL, text, sizeof(text));
    result = len == 0 ? -ENOMEM : file_write_to(fd, text, len);
    if (result == 0 && fsync(fd) != 0) {
        result = -errno;
    }
    explicit_bzero(text, sizeof(text));
    close(fd);
    if (result == 0 && access(file, F_OK) == 0) {
        result = -EEXIST;
    }
    if (result == 0 && rename(beside, file) != 0) {
        result = -errno;
    }
    if (result != 0) {
        (void)unlink(beside);
        trust_secret_key_wipe(secret);
    }
    return result;
}

/* Of this machine's name, as far as it can be part of a key's. */
static void standard_name(enum trust_note_kind kind, char out[TRUST_NOTE_NAME_MAX])
{
    char host[128] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0') {
        snprintf(host, sizeof(host), "localhost");
    }
    for (char *at = host; *at != '\0'; at++) {
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= 'A' && *at <= 'Z') &&
            !(*at >= '0' && *at <= '9') && *at != '-' && *at != '.') {
            *at = '-';
        }
    }
    snprintf(out, TRUST_NOTE_NAME_MAX, "%s/%s", host,
             kind == TRUST_NOTE_ED25519 ? "cordon-audit" : "cordon-witness");
}

static int write_public(const char *path, const struct trust_note_key *key)
{
    char line[TRUST_NOTE_KEY_TEXT_MAX + 1];
    size_t len = trust_note_key_format(key, line);

    line[len++] = '\n';
    return file_write_atomic(path, line, len, 0644);
}

int audit_key_open_as(const char *file, enum trust_note_kind kind, const char *named,
                      struct trust_secret_key *secret, struct trust_note_key *key, bool *made)
{
    char path[AUDIT_PATH_MAX];
    char name[TRUST_NOTE_NAME_MAX];
    struct trust_public_key public_key;
    struct trust_note_key known;

    *made = false;
    if (!public_path(file, path)) {
        return -ENAMETOOLONG;
    }
    int result = read_secret(file, secret);
    if (result == -ENOENT) {
        result = make_secret(file, secret);
        *made = result == 0;
    }
    if (result != 0) {
        return result;
    }
    trust_public_key_of(secret, &public_key);
    const bool is_known = !*made && read_public(path, kind, &known) == 0 &&
                          memcmp(known.key, public_key.key, sizeof(known.key)) == 0;
    if (named != NULL) {
        snprintf(name, sizeof(name), "%s", named);
    } else if (is_known) {
        memcpy(name, known.name, sizeof(name));
    } else {
        standard_name(kind, name);
    }
    result = trust_note_key_make(name, kind, public_key.key, key);
    if (result == 0 && (!is_known || strcmp(known.name, name) != 0)) {
        result = write_public(path, key);
    }
    if (result != 0) {
        trust_secret_key_wipe(secret);
    }
    return result;
}

int audit_key_open(const char *file, const char *origin, struct trust_secret_key *secret,
                   struct trust_note_key *key, bool *made)
{
    return audit_key_open_as(file, TRUST_NOTE_ED25519, origin, secret, key, made);
}

int audit_key_of_log(const struct trust_note_key *key, unsigned number,
                     struct trust_note_key *out)
{
    char name[TRUST_NOTE_NAME_MAX + 16];

    if (number <= 1) {
        *out = *key;
        return 0;
    }
    snprintf(name, sizeof(name), "%s-%u", key->name, number);
    return trust_note_key_make(name, key->kind, key->key, out);
}

int audit_key_of_origin(const struct trust_note_key *key, const char *origin,
                        struct trust_note_key *out, unsigned *number)
{
    const size_t len = strlen(key->name);
    uint64_t named = 1;

    if (strncmp(origin, key->name, len) != 0) {
        return CORDON_E_UNTRUSTED;
    }
    if (origin[len] != '\0' &&
        (origin[len] != '-' ||
         !audit_lines_number(origin + len + 1, strlen(origin + len + 1), &named) || named < 2 ||
         named > AUDIT_LOGS_MAX)) {
        return CORDON_E_UNTRUSTED;
    }
    *number = (unsigned)named;
    return audit_key_of_log(key, *number, out);
}

bool audit_log_folder(const char *folder, unsigned number, char out[AUDIT_PATH_MAX])
{
    const int len = number <= 1 ? snprintf(out, AUDIT_PATH_MAX, "%s", folder)
                                : snprintf(out, AUDIT_PATH_MAX, "%s/log-%u", folder, number);

    return len > 0 && len < AUDIT_PATH_MAX;
}

/* 0 if the name is not one that audit_log_folder() makes. */
static unsigned number_of(const char *name)
{
    static const char begin[] = "log-";
    const size_t len = strlen(begin);
    uint64_t number = 0;

    return strncmp(name, begin, len) == 0 &&
                   audit_lines_number(name + len, strlen(name + len), &number) && number >= 2 &&
                   number <= AUDIT_LOGS_MAX
               ? (unsigned)number
               : 0;
}

unsigned audit_log_newest(const char *folder)
{
    DIR *names = opendir(folder);
    unsigned newest = 1;

    for (const struct dirent *entry = names != NULL ? readdir(names) : NULL; entry != NULL;
         entry = readdir(names)) {
        const unsigned number = number_of(entry->d_name);
        struct stat status;

        if (number > newest && fstatat(dirfd(names), entry->d_name, &status, 0) == 0 &&
            S_ISDIR(status.st_mode)) {
            newest = number;
        }
    }
    if (names != NULL) {
        closedir(names);
    }
    return newest;
}
