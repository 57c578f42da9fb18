/*
 * Size and speed of the policy image, as ratios to a floor that is measured in the same run:
 * read the name, hash its last two labels, load one line of the index. Not a test: it fails
 * only if look-ups are wrong.
 *
 *     bench_policy_image NAMES [UNLISTED]
 *
 * NAMES: a name a line; each becomes a suffix rule (names that a list refuses are left out).
 * UNLISTED: names of which none is listed; without it they are made from NAMES.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "policy/image_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FILE_MAX_OCTETS ((size_t)1 << 30)
#define ROUNDS          3 /* each way is measured so often; the best counts */

static const char head[] =
    "cordon-list 1\nid bench\ntitle Bench\nprovider p P\nserial 1\n"
    "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n";
static const char words[] = " category=c scope=cloud confidence=high evidence=\"e\"\n";

/* Names in wire format, one after the other, in a random order. */
struct names {
    uint8_t *octets;
    size_t *starts;
    size_t count, len;
};

static double now_s(void)
{
    return (double)clock_read().mono_us / 1e6;
}

/* Of this process, in user and kernel: what a build costs on a busy machine, too. */
static double cpu_s(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void stop(const char *what)
{
    fprintf(stderr, "bench_policy_image: %s\n", what);
    exit(1);
}

static void *room(size_t octets)
{
    void *memory = malloc(octets);

    if (memory == NULL) {
        stop("out of memory");
    }
    return memory;
}

/* Lines of a file as names; change them into names that are not listed if asked to. */
static void read_names(const char *path, bool change, struct names *out)
{
    uint8_t *data = NULL;
    size_t len = 0;
    uint64_t state = 88172645463325252u;

    if (file_read(path, FILE_MAX_OCTETS, &data, &len) != 0) {
        stop("cannot read the names");
    }
    out->octets = room(len * 2 + 16 * 1024);
    out->starts = room((len / 2 + 1) * sizeof(out->starts[0]));
    out->count = out->len = 0;
    for (size_t at = 0; at < len;) {
        const uint8_t *lf = memchr(data + at, '\n', len - at);
        const size_t line = lf == NULL ? len - at : (size_t)(lf - data) - at;
        struct wire_name name, tail, joined;

        if (wire_name_from_text((const char *)data + at, line, &name) == WIRE_TEXT_OK &&
            name.labels >= 2) {
            if (change) {
                /* a.b.example becomes a.b.qz.example: that is nobody's domain. */
                wire_name_suffix(&name, 1, &tail);
                struct wire_name middle;
                (void)wire_name_from_text("qz9", 3, &middle);
                (void)wire_name_join(&middle, 1, &tail, &joined);
                if (!wire_name_join(&name, name.labels - 1u, &joined, &name)) {
                    at += line + 1;
                    continue;
                }
            }
            out->starts[out->count++] = out->len;
            memcpy(out->octets + out->len, name.octets, name.len);
            out->len += name.len;
        }
        at += line + 1;
    }
    free(data);
    for (size_t i = out->count; i > 1; i--) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const size_t other = state % i, held = out->starts[i - 1];
        out->starts[i - 1] = out->starts[other];
        out->starts[other] = held;
    }
}

/* The text of a list with a rule for each line. */
static char *make_text(const char *path, size_t *text_len)
{
    uint8_t *data = NULL;
    size_t len = 0, used = sizeof(head) - 1;

    if (file_read(path, FILE_MAX_OCTETS, &data, &len) != 0) {
        stop("cannot read the names");
    }
    char *text = room(len * 40 + 4096);
    memcpy(text, head, used);
    for (size_t at = 0; at < len;) {
        const uint8_t *lf = memchr(data + at, '\n', len - at);
        const size_t line = lf == NULL ? len - at : (size_t)(lf - data) - at;

        if (line >= 3 && line <= 253 && memchr(data + at, '.', line) != NULL) {
            memcpy(text + used, "block suffix ", 13);
            memcpy(text + used + 13, data + at, line);
            memcpy(text + used + 13 + line, words, sizeof(words) - 1);
            used += 13 + line + sizeof(words) - 1;
        }
        at += line + 1;
    }
    memcpy(text + used, "end\n", 4);
    free(data);
    *text_len = used + 4;
    return text;
}

/* What one pass does with each name; the sum keeps the compiler from leaving it out. */
static uint64_t pass(const struct policy_image *image, const struct names *names,
                     bool floor_only)
{
    struct policy_matches matches;
    struct wire_name name;
    uint64_t sum = 0;

    for (size_t i = 0; i < names->count; i++) {
        size_t pos = names->starts[i];

        if (wire_name_read(names->octets, names->len, &pos, &name) != WIRE_OK) {
            stop("a name does not read back");
        }
        if (!floor_only) {
            policy_image_find_name(image, &name, &matches);
            sum += matches.count;
            continue;
        }
        struct siphash state = image->start;
        siphash_add_label(&state, name.octets + name.at[name.labels - 1]);
        siphash_add_label(&state, name.octets + name.at[name.labels - 2]);
        const uint8_t *line =
            image->lines +
            image_line_of(siphash_read(&state), image->line_count) * IMAGE_LINE_OCTETS;
        for (unsigned k = 0; k < 8; k++) {
            sum += image_get64(line + 8 * k);
        }
    }
    return sum;
}

/* Nanoseconds a name; *sum is that of one pass. */
static double measure(const struct policy_image *image, const struct names *names,
                      bool floor_only, uint64_t *sum)
{
    double best = 1e9;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const double before = now_s();

        *sum = pass(image, names, floor_only);
        const double took = (now_s() - before) * 1e9 / (double)names->count;
        best = took < best ? took : best;
    }
    return best;
}

static void report(const char *what, const struct policy_image *image,
                   const struct names *names, bool listed)
{
    uint64_t floor_sum = 0, found = 0;
    const double floor_ns = measure(image, names, true, &floor_sum);
    const double look_ns = measure(image, names, false, &found);

    printf("%-9s %8zu names  floor %6.0f ns  look-up %6.0f ns  ratio %.2f  (%llx)\n", what,
           names->count, floor_ns, look_ns, look_ns / floor_ns,
           (unsigned long long)(floor_sum & 0xff));
    if (listed ? found < names->count : found != 0) {
        stop("a look-up is wrong");
    }
}

int main(int argc, char **argv)
{
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct policy_image_stats stats;
    struct names listed, unlisted;
    struct report faults;
    size_t len = 0;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: bench_policy_image NAMES [UNLISTED]\n");
        return 2;
    }
    char *text = make_text(argv[1], &len);
    report_init(&faults);
    double start = cpu_s();
    int rc = policy_list_parse(text, len, argv[1], &faults, &list);
    report_print(&faults, stderr);
    report_deinit(&faults);
    free(text);
    if (rc != 0) {
        stop(cordon_strerror(rc));
    }
    const double parsed = cpu_s() - start;
    const struct policy_list *lists[] = {list};
    start = cpu_s();
    rc = policy_image_build(lists, 1, &image);
    if (rc != 0) {
        stop(cordon_strerror(rc));
    }
    const double built = cpu_s() - start;
    policy_list_free(list);
    policy_image_stats(image, &stats);
    printf("%llu rules, %llu nodes, %llu interior: parse %.2f s, build %.2f s of CPU, %llu "
           "octets, "
           "%.2f octets a rule\n",
           (unsigned long long)stats.rules, (unsigned long long)stats.nodes,
           (unsigned long long)stats.interior, parsed, built, (unsigned long long)stats.octets,
           (double)stats.octets / (double)stats.rules);
    read_names(argv[1], false, &listed);
    read_names(argc == 3 ? argv[2] : argv[1], argc == 2, &unlisted);
    report("listed", image, &listed, true);
    report("unlisted", image, &unlisted, false);
    policy_image_free(image);
    free(listed.octets);
    free(listed.starts);
    free(unlisted.octets);
    free(unlisted.starts);
    return 0;
}
