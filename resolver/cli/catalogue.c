/* cordon catalogue: what a publisher has, made, signed and verified offline. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/root.h"
#include "cli/signing.h"
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGE_OCTETS_MAX (8ull << 30)

static const char make_help[] =
    "usage: cordon catalogue make --publisher ID --expires TIME [--serial N] [--created TIME]\n"
    "           FOLDER\n"
    "\n"
    "Writes FOLDER/catalogue, unsigned: every list in FOLDER with its serial, size and hash, "
    "and\n"
    "the hash of ID.image where there is one. The serial is one more than that of the "
    "catalogue\n"
    "that lies there, or YYYYMMDD01 of today if that is higher, unless it is named.\n";

static const char sign_help[] =
    "usage: cordon catalogue sign --key SECRET.key [--password-fd N] FOLDER/catalogue\n"
    "\n"
    "Compares the catalogue with the lists beside it, and the images that it names with what "
    "the\n"
    "lists are compiled to, then writes catalogue.KEYID.minisig.\n"
    "Several signers sign in turn: a threshold of the list keys.\n";

static const char verify_help[] =
    "usage: cordon catalogue verify [--root N.root] [--ignore-time] [--json] FOLDER\n"
    "\n"
    "Follows the roots from N.root (FOLDER/1.root unless it is named) as cordond does, "
    "verifies\n"
    "FOLDER/catalogue by them, and every list that it names. What is past its expiry is "
    "refused\n"
    "unless --ignore-time is given.\n";

static bool path_of(char path[PATH_MAX], const char *folder, const char *name, const char *end)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s%s", folder, name, end) < PATH_MAX;
}

static int is_list(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);

    return len > 5 && strcmp(entry->d_name + len - 5, ".list") == 0;
}

/* Reads one list, whoever signed it, and says in the entry what it is. */
static int describe(const char *folder, const char *name, struct trust_entry *entry,
                    struct report *report)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;
    struct policy_list *list = NULL;

    if (!path_of(path, folder, name, "")) {
        return -ENAMETOOLONG;
    }
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);
    if (rc == 0) {
        rc = policy_list_parse((const char *)text, len, path, report, &list);
    }
    if (rc == 0 && (strncmp(list->id, name, strlen(list->id)) != 0 ||
                    strcmp(name + strlen(list->id), ".list") != 0)) {
        report_add(report, REPORT_ERROR, path, 0, 0, "its id is \"%s\": it must be %s.list",
                   list->id, list->id);
        rc = CORDON_E_REFUSED;
    }
    if (rc == 0) {
        snprintf(entry->id, sizeof(entry->id), "%s", list->id);
        entry->serial = list->serial;
        entry->size = len;
        trust_hash(text, len, entry->hash);
    } else if (report->errors == 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    }
    policy_list_free(list);
    free(text);
    text = NULL;
    if (rc == 0 && path_of(path, folder, entry->id, ".image") &&
        file_read(path, IMAGE_OCTETS_MAX, &text, &len) == 0) {
        entry->has_image = true;
        trust_hash(text, len, entry->image);
        free(text);
    }
    return rc;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct trust_entry *)a)->id, ((const struct trust_entry *)b)->id);
}

/* All lists of the folder, by id. */
static int collect(const char *folder, struct trust_catalogue *catalogue, struct report *report)
{
    struct dirent **found = NULL;
    const int count = scandir(folder, &found, is_list, alphasort);
    int rc = count < 0 ? -errno : 0;

    if (count > (int)TRUST_CATALOGUE_LISTS_MAX) {
        report_add(report, REPORT_ERROR, folder, 0, 0, "a catalogue names at most %u lists",
                   TRUST_CATALOGUE_LISTS_MAX);
        rc = CORDON_E_LIMIT;
    }
    for (int i = 0; i < count; i++) {
        const int one = rc != 0 && rc != CORDON_E_REFUSED
                            ? rc
                            : describe(folder, found[i]->d_name,
                                       &catalogue->entries[catalogue->count], report);

        catalogue->count += one == 0 ? 1 : 0;
        rc = rc == 0 ? one : rc;
        free(found[i]);
    }
    free(found);
    qsort(catalogue->entries, catalogue->count, sizeof(catalogue->entries[0]), by_id);
    return rc;
}

/* YYYYMMDD01 of the day. */
static uint32_t serial_of(uint64_t at_s)
{
    char text[CLOCK_TEXT_MAX];
    uint32_t serial = 0;

    clock_format_s(at_s, text);
    for (const char *at = text; *at != 'T' && *at != '\0'; at++) {
        serial = *at >= '0' && *at <= '9' ? serial * 10 + (uint32_t)(*at - '0') : serial;
    }
    return serial * 100 + 1;
}

/* Reads the catalogue that lies there, whoever signed it. NULL: none, or it was refused. */
static int read_there(const char *path, struct report *report, struct trust_catalogue **out)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_CATALOGUE_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_catalogue_parse((const char *)text, len, path, report, out);
    }
    free(text);
    return rc;
}

/* Takes away the signatures of a catalogue that no longer is. */
static void remove_signatures(const char *folder)
{
    struct dirent **found = NULL;
    const int count = scandir(folder, &found, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = found[i]->d_name;
        const size_t len = strlen(name);
        char path[PATH_MAX];

        if (strncmp(name, "catalogue.", 10) == 0 && len > 18 &&
            strcmp(name + len - 8, ".minisig") == 0 && path_of(path, folder, name, "")) {
            unlink(path);
        }
        free(found[i]);
    }
    free(found);
}

static int write_catalogue(struct trust_catalogue *catalogue, const char *serial,
                           const char *folder, struct report *report)
{
    char path[PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    struct trust_catalogue *before = NULL;
    struct trust_catalogue *again = NULL;

    if (!path_of(path, folder, "catalogue", "")) {
        return -ENAMETOOLONG;
    }
    int rc = read_there(path, report, &before);
    if (rc == 0 && serial == NULL && before->serial >= catalogue->serial) {
        catalogue->serial = before->serial + 1;
    }
    if (rc == 0 || rc == -ENOENT) {
        rc = collect(folder, catalogue, report);
    }
    if (rc == 0) {
        rc = trust_catalogue_format(catalogue, &text, &len);
    }
    if (rc == 0) { /* what is written is what will be read */
        rc = trust_catalogue_parse(text, len, path, report, &again);
    }
    if (rc == 0) {
        rc = file_write_atomic(path, text, len, 0644);
    }
    if (rc == 0) {
        remove_signatures(folder);
        printf("%s: serial %" PRIu32 ", %zu lists\n", path, catalogue->serial,
               catalogue->count);
    }
    trust_catalogue_free(before);
    trust_catalogue_free(again);
    free(text);
    return rc;
}

static int make(int argc, char **argv)
{
    const char *publisher = NULL;
    const char *expires = NULL;
    const char *created = NULL;
    const char *serial = NULL;
    const char *folder = NULL;
    struct trust_entry *entries = NULL;
    struct trust_catalogue catalogue = {.created_s = clock_read().wall_us / 1000000};
    struct report report;
    const struct cli_option options[] = {{"publisher", 0, &publisher, NULL},
                                         {"expires", 0, &expires, NULL},
                                         {"created", 0, &created, NULL},
                                         {"serial", 0, &serial, NULL}};
    int code =
        cli_options(argc, argv, "catalogue make", make_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "catalogue make", &folder, 1);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (publisher == NULL || expires == NULL || folder == NULL ||
        strlen(publisher) > TRUST_ID_MAX) {
        return cli_usage("catalogue make", "--publisher ID, --expires TIME and the folder of "
                                           "the lists are needed");
    }
    if (!cli_time_parse("catalogue make", "created", created, &catalogue.created_s) ||
        !cli_time_parse("catalogue make", "expires", expires, &catalogue.expires_s)) {
        return CLI_USAGE;
    }
    catalogue.serial = serial_of(catalogue.created_s);
    if (serial != NULL && !cli_number(serial, 1, UINT32_MAX, &catalogue.serial)) {
        return cli_usage("catalogue make", "--serial is a number from 1 to %" PRIu32,
                         UINT32_MAX);
    }
    entries = calloc(TRUST_CATALOGUE_LISTS_MAX, sizeof(entries[0]));
    catalogue.entries = entries;
    snprintf(catalogue.publisher, sizeof(catalogue.publisher), "%s", publisher);
    report_init(&report);
    const int rc =
        entries == NULL ? -ENOMEM : write_catalogue(&catalogue, serial, folder, &report);
    code = cli_reported("catalogue make", folder, rc, &report);
    report_deinit(&report);
    free(entries);
    return code;
}

/* Is the image that the entry names the one that the text is compiled to? Whoever signs the
 * catalogue signs that, too. The file itself may be missing. */
static int check_image(const struct trust_entry *entry, const char *folder, const uint8_t *text,
                       size_t len, struct report *report)
{
    char path[PATH_MAX];
    uint8_t hash[TRUST_HASH_OCTETS];
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    uint8_t *octets = NULL;
    size_t size = 0;

    if (!path_of(path, folder, entry->id, ".image")) {
        return -ENAMETOOLONG;
    }
    int rc = policy_list_parse((const char *)text, len, path, report, &list);
    if (rc == 0) {
        const struct policy_list *const alone[] = {list};

        rc = policy_image_build(alone, 1, &image);
        if (rc != 0) {
            report_add(report, REPORT_ERROR, path, 0, 0, "the list cannot be compiled: %s",
                       cordon_strerror(rc));
        }
    }
    if (rc == 0) {
        const uint8_t *compiled = policy_image_octets(image, &size);

        trust_hash(compiled, size, hash);
        if (memcmp(hash, entry->image, sizeof(hash)) != 0) {
            report_add(report, REPORT_ERROR, path, 0, 0,
                       "the image that the catalogue names is not what this version of cordon "
                       "compiles %s.list to: make it with `cordon list build`, then the "
                       "catalogue",
                       entry->id);
            rc = CORDON_E_REFUSED;
        }
    }
    if (rc == 0 && file_read(path, IMAGE_OCTETS_MAX, &octets, &size) == 0) {
        trust_hash(octets, size, hash);
        if (memcmp(hash, entry->image, sizeof(hash)) != 0) {
            report_add(report, REPORT_ERROR, path, 0, 0, "it is not the one that is named");
            rc = CORDON_E_REFUSED;
        }
    }
    free(octets);
    policy_image_free(image);
    policy_list_free(list);
    return rc;
}

/* Is the list that lies in the folder the one that the entry names? */
static int check_entry(const struct trust_entry *entry, const char *folder,
                       struct report *report)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;

    if (!path_of(path, folder, entry->id, ".list")) {
        return -ENAMETOOLONG;
    }
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "the catalogue names it: %s",
                   cordon_strerror(rc));
        return rc;
    }
    rc = trust_entry_check(entry, path, text, len, report);
    if (rc == 0 && entry->has_image) {
        rc = check_image(entry, folder, text, len, report);
    }
    free(text);
    return rc;
}

static int sign_one(const char *path, const struct trust_secret_key *key, struct report *report)
{
    char folder[PATH_MAX];
    char comment[256];
    uint8_t *text = NULL;
    size_t len = 0;
    struct trust_catalogue *catalogue = NULL;
    int rc = file_read(path, TRUST_CATALOGUE_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_catalogue_parse((const char *)text, len, path, report, &catalogue);
    }
    cli_root_folder(path, NULL, folder);
    for (size_t i = 0; rc == 0 && i < catalogue->count; i++) {
        rc = check_entry(&catalogue->entries[i], folder, report);
    }
    if (rc == 0) {
        snprintf(comment, sizeof(comment), "cordon catalogue of %s serial %" PRIu32,
                 catalogue->publisher, catalogue->serial);
        rc = cli_sign_beside(path, text, len, comment, key);
    }
    trust_catalogue_free(catalogue);
    free(text);
    return rc;
}

static int sign(int argc, char **argv)
{
    return cli_sign_files(argc, argv, "catalogue sign", sign_help, sign_one);
}

/* A list with its signatures, its hash and its serial. */
static int verify_list(const struct trust_publisher *publisher, const struct trust_entry *entry,
                       const char *folder, uint64_t now_s, struct report *report)
{
    char path[PATH_MAX];
    struct trust_verdict verdict;
    struct policy_list *list = NULL;
    int rc = check_entry(entry, folder, report);

    if (rc == 0 && !path_of(path, folder, entry->id, ".list")) {
        rc = -ENAMETOOLONG;
    }
    if (rc == 0) {
        rc = policy_load_list(path, &publisher->root->list, report, &list, &verdict);
    }
    if (rc == 0) {
        rc = cli_list_check_suffixes(list, path, report);
    }
    if (rc == 0 && list->serial != entry->serial) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "its serial is %" PRIu32 ", the catalogue says %" PRIu32, list->serial,
                   entry->serial);
        rc = CORDON_E_REFUSED;
    }
    if (rc == 0 && now_s != 0 && now_s >= list->expires_s) {
        report_add(report, REPORT_ERROR, path, 0, 0, "past its expiry date");
        rc = CORDON_E_REFUSED;
    }
    policy_list_free(list);
    return rc;
}

static int verify_all(const struct trust_publisher *publisher, const char *folder,
                      uint64_t now_s, bool json, struct report *report)
{
    const struct trust_catalogue *catalogue = publisher->catalogue;
    const enum trust_state state =
        trust_state_at(catalogue->expires_s, UINT64_MAX, publisher->floor_s, now_s);
    int rc = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        const int one = verify_list(publisher, &catalogue->entries[i], folder, now_s, report);

        rc = rc == 0 ? one : rc;
    }
    if (state == TRUST_STALE) {
        report_add(report, REPORT_ERROR, folder, 0, 0, "the catalogue has expired");
        rc = CORDON_E_REFUSED;
    }
    const char *word = now_s == 0 ? "time ignored" : trust_state_word(state);
    if (json) {
        printf("{\"publisher\":\"%s\",\"root\":%" PRIu32 ",\"serial\":%" PRIu32
               ",\"lists\":%zu,\"state\":\"%s\",\"ok\":%s}\n",
               catalogue->publisher, publisher->root->version, catalogue->serial,
               catalogue->count, word, rc == 0 ? "true" : "false");
    } else {
        printf("%s: catalogue %" PRIu32 " of %s under root %" PRIu32 ", %zu lists, %s%s\n",
               folder, catalogue->serial, catalogue->publisher, publisher->root->version,
               catalogue->count, word, rc == 0 ? "" : ", REFUSED");
    }
    return rc;
}

static int verify(int argc, char **argv)
{
    const char *pinned = NULL;
    const char *folder = NULL;
    bool ignore_time = false;
    bool json = false;
    char standard[PATH_MAX];
    struct report report;
    struct trust_publisher *publisher = NULL;
    const struct cli_option options[] = {{"root", 0, &pinned, NULL},
                                         {"ignore-time", 0, NULL, &ignore_time},
                                         {"json", 0, NULL, &json}};
    int code =
        cli_options(argc, argv, "catalogue verify", verify_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "catalogue verify", &folder, 1);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (folder == NULL || !path_of(standard, folder, "1", ".root")) {
        return cli_usage("catalogue verify", "name the publisher's folder");
    }
    const uint64_t now_s = ignore_time ? 0 : clock_read().wall_us / 1000000;
    const struct trust_publisher_request request = {
        .pinned = pinned != NULL ? pinned : standard, .folder = folder, .now_s = now_s};
    report_init(&report);
    int rc = trust_publisher_open(&request, &report, &publisher);
    if (rc == 0) {
        rc = verify_all(publisher, folder, now_s, json, &report);
    }
    code = cli_reported("catalogue verify", folder, rc, &report);
    report_deinit(&report);
    trust_publisher_free(publisher);
    return code;
}

int cli_catalogue(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"make", make, "make --publisher ID --expires TIME [--serial N] FOLDER"},
        {"sign", sign, "sign --key SECRET.key [--password-fd N] FOLDER/catalogue"},
        {"verify", verify, "verify [--root N.root] [--ignore-time] [--json] FOLDER"},
    };

    return cli_dispatch("catalogue", verbs, CLI_COUNT(verbs), argc, argv);
}
