/*
 * Size and speed of the policy image, as ratios to floors that are measured in the same run.
 * Not a test: it fails only if look-ups are wrong.
 *
 *     bench_policy_image [OPTION...]
 *       --names FILE     names of rules, a name a line; more rules than names: variations of
 * them. Without it they are made up
 *       --unlisted FILE  names of which none is listed; without it, more variations
 *       --rules N        how many names are listed (as many as FILE has, else 100000)
 *       --lists N        in so many lists (1)
 *       --on N           each name on so many of them (1)
 *       --words N        so many different sorts of rules in a list (1); few are frequent
 *       --asked N        so many names are looked up, in random order (1000000)
 *       --rounds N       each piece of work so often; the shortest counts (5)
 *       --peers          other structures with the same names, too
 *
 * The floor: read the name, hash its last two labels, load one line of the index. For names of
 * 127 labels: read and hash all of it. Memory is what the process has had resident at most.
 */
#include "base/error.h"
#include "bench/policy_names.h"
#include "bench/policy_peers.h"
#include "policy/image_format.h"
#include "policy/limits.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* Names of a piece of work: a millisecond or so, so that in some round nothing disturbs it. */
#define CHUNK 500u

struct options {
    const char *names, *unlisted;
    uint64_t rules;
    unsigned lists, on, words, asked, rounds;
    bool peers;
};

/* Names in wire format, one after the other. */
struct wires {
    uint8_t *octets;
    size_t *starts;
    size_t count, len;
};

enum work {
    WORK_FLOOR,
    WORK_WHOLE, /* the floor of deep names */
    WORK_LOOK_UP,
    WORK_PEER
};

struct job {
    enum work work;
    const struct policy_image *image;
    const struct peer *peer;
    void *made;
    double seconds; /* for all chunks, each at its best */
    uint64_t found, sum;
};

static void stop(const char *what)
{
    fprintf(stderr, "bench_policy_image: %s\n", what);
    exit(1);
}

/* Of this thread alone, whatever else the machine does. */
static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Of this process, in user and kernel: what a build costs on a busy machine, too. */
static double cpu_s(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static double peak_mib(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_maxrss / 1024;
}

static void *room(size_t octets)
{
    void *memory = malloc(octets);

    if (memory == NULL) {
        stop("out of memory");
    }
    return memory;
}

/* --- lists --- */

/* The words of a rule: sorts of rules are not equally frequent. */
static size_t put_words(char *out, uint64_t chance, unsigned sorts)
{
    static const char *const scopes[] = {"cloud", "cdn", "nameserver", "corporate", "consumer"};
    static const char *const confidences[] = {"high", "medium", "low"};
    const uint64_t a = chance % sorts, b = (chance >> 20) % sorts, c = (chance >> 40) % sorts;
    const unsigned sort = (unsigned)(a < b ? (a < c ? a : c) : b < c ? b : c);

    return (size_t)sprintf(out, " category=c%u scope=%s confidence=%s evidence=\"e\"\n",
                           sort / 15, scopes[sort % 5], confidences[sort / 5 % 3]);
}

/* The text of list number l. */
static char *make_text(const struct options *options, const struct names_source *source,
                       unsigned l, size_t *len)
{
    size_t size = 1 << 20, used;
    char *text = room(size);

    used =
        (size_t)sprintf(text,
                        "cordon-list 1\nid bench-%u\ntitle Bench\nprovider p P\nserial 1\n"
                        "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n",
                        l);
    for (uint64_t i = 0; i < options->rules; i++) {
        const uint64_t chance = names_mix(i ^ UINT64_C(0x5bd1e995));
        char name[NAME_TEXT_MAX];

        if ((l + options->lists - chance % options->lists) % options->lists >= options->on) {
            continue;
        }
        const size_t name_len = names_at(source, i, name);
        if (size - used < 1024) {
            size += size / 2;
            text = realloc(text, size);
            if (text == NULL) {
                stop("out of memory");
            }
        }
        memcpy(text + used, "block suffix ", 13);
        memcpy(text + used + 13, name, name_len);
        used += 13 + name_len;
        used += put_words(text + used, names_mix(chance + l), options->words);
    }
    memcpy(text + used, "end\n", 4);
    *len = used + 4;
    return text;
}

static struct policy_image *build(const struct options *options,
                                  const struct names_source *source)
{
    struct policy_list *lists[POLICY_LISTS_MAX];
    struct policy_image *image = NULL;
    struct policy_image_stats stats;
    double parsing = 0;
    size_t text_octets = 0;
    int rc = 0;

    for (unsigned l = 0; l < options->lists; l++) {
        struct report report;
        size_t len = 0;
        char *text = make_text(options, source, l, &len);

        report_init(&report);
        const double before = cpu_s();
        rc = policy_list_parse(text, len, "bench", &report, &lists[l]);
        parsing += cpu_s() - before;
        report_print(&report, stderr);
        report_deinit(&report);
        free(text);
        text_octets += len;
        if (rc != 0) {
            stop(cordon_strerror(rc));
        }
    }
    const double parsed_mib = peak_mib();
    const double before = cpu_s();
    rc = policy_image_build((const struct policy_list *const *)lists, options->lists, &image);
    const double building = cpu_s() - before;
    if (rc != 0) {
        stop(cordon_strerror(rc));
    }
    for (unsigned l = 0; l < options->lists; l++) {
        policy_list_free(lists[l]);
    }
    malloc_trim(0);
    policy_image_stats(image, &stats);
    printf("%llu rules in %u lists (%.0f MiB of text), %llu nodes, %llu interior, %llu rows, "
           "%llu sets, %llu classes\n",
           (unsigned long long)stats.rules, options->lists, (double)text_octets / 1048576,
           (unsigned long long)stats.nodes, (unsigned long long)stats.interior,
           (unsigned long long)stats.rows, (unsigned long long)stats.sets,
           (unsigned long long)stats.classes);
    printf("image     %llu octets, %.2f a rule, %.2f a listed name\n",
           (unsigned long long)stats.octets, (double)stats.octets / (double)stats.rules,
           (double)stats.octets / (double)options->rules);
    printf(
        "build     parse %.2f s, compile %.2f s of CPU; at most %.0f MiB while parsing, %.0f "
        "MiB in all\n",
        parsing, building, parsed_mib, peak_mib());
    return image;
}

/* --- names that are asked for --- */

static void add_wire(struct wires *wires, const struct wire_name *name)
{
    wires->starts[wires->count++] = wires->len;
    memcpy(wires->octets + wires->len, name->octets, name->len);
    wires->len += name->len;
}

static void wires_init(struct wires *wires, size_t most)
{
    *wires = (struct wires){.octets = room(most * 96 + 512), .starts = room(most * 8 + 8)};
}

static void wires_deinit(struct wires *wires)
{
    free(wires->octets);
    free(wires->starts);
}

/* Names with numbers from first on, count of them, in random order, most of them asked for. */
static void pick(const struct names_source *source, uint64_t first, uint64_t count,
                 unsigned most, struct wires *out)
{
    wires_init(out, most);
    for (uint64_t i = 0; out->count < most && i < 2 * (uint64_t)most; i++) {
        char text[NAME_TEXT_MAX];
        struct wire_name name;
        const size_t len = names_at(source, first + names_mix(i) % count, text);

        if (out->len < (size_t)most * 96 && wire_name_from_text(text, len, &name) == 0) {
            add_wire(out, &name);
        }
    }
}

/* Names that are not listed although the fingerprint of their last two labels is there: what a
 * questioner who knows the seed would ask for. */
static void pick_forged(const struct policy_image *image, const struct names_source *source,
                        uint64_t first, uint64_t count, unsigned most, struct wires *out)
{
    wires_init(out, most);
    for (uint64_t i = 0; out->count < most && i < 400 * (uint64_t)most; i++) {
        char text[NAME_TEXT_MAX];
        struct wire_name name;
        struct siphash state = image->start;
        const size_t len = names_at(source, first + names_mix(i + 77) % count, text);

        if (wire_name_from_text(text, len, &name) != 0 || name.labels < 2) {
            continue;
        }
        siphash_add_label(&state, name.octets + name.at[name.labels - 1]);
        siphash_add_label(&state, name.octets + name.at[name.labels - 2]);
        const uint64_t hash = siphash_read(&state);
        const uint8_t *line =
            image->lines + image_line_of(hash, image->line_count) * IMAGE_LINE_OCTETS;
        for (unsigned slot = 0; slot < IMAGE_LINE_SLOTS; slot++) {
            const uint16_t there = little_get16(line + 4 + (size_t)2 * slot);

            if ((uint16_t)(there & ~IMAGE_CODE_LONG) == image_fingerprint(hash)) {
                add_wire(out, &name);
                break;
            }
        }
    }
}

/* Names of 127 labels whose last labels are those of other names. */
static void pick_deep(const struct wires *ends, unsigned most, struct wires *out)
{
    *out = (struct wires){.octets = room((size_t)most * WIRE_NAME_MAX),
                          .starts = room((size_t)most * 8 + 8)};
    for (size_t i = 0; i < most && i < ends->count; i++) {
        struct wire_name end, deep;
        uint8_t octets[WIRE_NAME_MAX];
        size_t at = ends->starts[i], len = 0;

        if (wire_name_read(ends->octets, ends->len, &at, &end) != WIRE_OK) {
            stop("a name does not read back");
        }
        while (len + 2 + end.len <= WIRE_NAME_MAX) {
            octets[len] = 1;
            octets[len + 1] = (uint8_t)('a' + (i + len / 2) % 26);
            len += 2;
        }
        memcpy(octets + len, end.octets, end.len);
        at = 0;
        if (wire_name_read(octets, len + end.len, &at, &deep) != WIRE_OK) {
            stop("a deep name does not read back");
        }
        add_wire(out, &deep);
    }
}

/* --- measuring --- */

static void work_on(struct job *job, const struct wires *wires, size_t from, size_t to)
{
    struct policy_matches matches;
    struct wire_name name;

    for (size_t i = from; i < to; i++) {
        size_t pos = wires->starts[i];

        if (wire_name_read(wires->octets, wires->len, &pos, &name) != WIRE_OK) {
            stop("a name does not read back");
        }
        if (job->work == WORK_LOOK_UP) {
            policy_image_find_name(job->image, &name, &matches);
            job->found += matches.count > 0;
            continue;
        }
        if (job->work == WORK_PEER) {
            job->found += job->peer->find(job->made, &name) > 0;
            continue;
        }
        const unsigned labels = job->work == WORK_WHOLE ? name.labels : 2;
        struct siphash state = job->image->start;
        for (unsigned k = 1; k <= labels; k++) {
            siphash_add_label(&state, name.octets + name.at[name.labels - k]);
        }
        const uint64_t hash = siphash_read(&state);
        const uint8_t *line =
            job->image->lines + image_line_of(hash, job->image->line_count) * IMAGE_LINE_OCTETS;
        for (unsigned k = 0; k < 8; k++) {
            job->sum += little_get64(line + 8 * k);
        }
    }
}

/* Chunk by chunk, so that a disturbance of the machine hits all jobs, and in the other rounds
 * none. The jobs are at different chunks: none finds in the caches what another has just read.
 */
static void measure(struct job *jobs, size_t count, const struct wires *wires, unsigned rounds)
{
    const size_t chunks = (wires->count + CHUNK - 1) / CHUNK;
    double *best = calloc(chunks * count + 1, sizeof(best[0]));

    if (best == NULL) {
        stop("out of memory");
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t step = 0; step < chunks; step++) {
            for (size_t j = 0; j < count; j++) {
                const size_t chunk = (step + j * chunks / count) % chunks;
                const size_t from = chunk * CHUNK;
                const size_t to = from + CHUNK < wires->count ? from + CHUNK : wires->count;
                const double before = now_s();

                work_on(&jobs[j], wires, from, to);
                const double took = now_s() - before;
                double *kept = &best[chunk * count + j];
                *kept = round == 0 || took < *kept ? took : *kept;
            }
        }
    }
    for (size_t j = 0; j < count; j++) {
        for (size_t chunk = 0; chunk < chunks; chunk++) {
            jobs[j].seconds += best[chunk * count + j];
        }
        jobs[j].found /= rounds;
    }
    free(best);
}

static void report(const char *what, const struct policy_image *image,
                   const struct wires *wires, unsigned rounds, bool deep, uint64_t wanted)
{
    struct job jobs[2] = {{.work = deep ? WORK_WHOLE : WORK_FLOOR, .image = image},
                          {.work = WORK_LOOK_UP, .image = image}};
    const double names = wires->count > 0 ? (double)wires->count : 1;

    measure(jobs, 2, wires, rounds);
    printf("%-22s %8zu names  floor %5.0f ns  look-up %5.0f ns  ratio %.2f  (%x)\n", what,
           wires->count, jobs[0].seconds * 1e9 / names, jobs[1].seconds * 1e9 / names,
           jobs[1].seconds / jobs[0].seconds, (unsigned)(jobs[0].sum & 15));
    if (wanted != UINT64_MAX && jobs[1].found != wanted) {
        fprintf(stderr, "%s: %llu are found\n", what, (unsigned long long)jobs[1].found);
        stop("a look-up is wrong");
    }
}

static size_t in_use(void)
{
    const struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void report_peers(const struct policy_image *image, const struct options *options,
                         const struct names_source *source, const struct wires *listed,
                         const struct wires *unlisted)
{
    struct wires deep;

    pick_deep(unlisted, 20000, &deep);
    for (const struct peer *peer = peers_all(); peer->name != NULL; peer++) {
        const size_t before = in_use();
        const double from = cpu_s();
        void *made = peer->make(source, options->rules);
        const double took = cpu_s() - from;

        if (made == NULL) {
            stop("a peer's structure cannot be made");
        }
        const size_t octets = peer->octets != NULL ? peer->octets(made) : in_use() - before;
        printf("%-9s (%s) made in %.2f s of CPU, %.1f octets a name\n", peer->name, peer->what,
               took, (double)octets / (double)options->rules);
        for (unsigned i = 0; i < 3; i++) {
            static const char *const words[] = {"listed", "unlisted", "127 labels, unlisted"};
            const struct wires *wires = i == 0 ? listed : i == 1 ? unlisted : &deep;
            struct job jobs[3] = {{.work = i == 2 ? WORK_WHOLE : WORK_FLOOR, .image = image},
                                  {.work = WORK_LOOK_UP, .image = image},
                                  {.work = WORK_PEER, .peer = peer, .made = made}};

            measure(jobs, 3, wires, options->rounds);
            printf("  %-20s %8zu names  image %.2f  %s %.2f times the floor\n", words[i],
                   wires->count, jobs[1].seconds / jobs[0].seconds, peer->name,
                   jobs[2].seconds / jobs[0].seconds);
            if (jobs[1].found != jobs[2].found) {
                stop("a peer finds other names");
            }
        }
        peer->free(made);
    }
    wires_deinit(&deep);
}

static void look_up(const struct policy_image *image, const struct options *options,
                    const struct names_source *source)
{
    struct names_source other = {.text = NULL};
    struct wires listed, unlisted, forged, deep;
    const bool given = options->unlisted != NULL;

    if (given && !names_open(&other, options->unlisted)) {
        stop("cannot read the names that are not listed");
    }
    pick(source, 0, options->rules, options->asked, &listed);
    pick(given ? &other : source, given ? 0 : options->rules, given ? other.count : 20000000,
         options->asked, &unlisted);
    report("listed", image, &listed, options->rounds, false, listed.count);
    /* Variations of real names may lie below listed ones. */
    report("unlisted", image, &unlisted, options->rounds, false,
           given || options->names == NULL ? 0 : UINT64_MAX);
    pick_forged(image, source, options->rules, 20000000, 10000, &forged);
    report("forged fingerprints", image, &forged, options->rounds, false, UINT64_MAX);
    pick_deep(&listed, 20000, &deep);
    report("127 labels, listed", image, &deep, options->rounds, true, deep.count);
    wires_deinit(&deep);
    pick_deep(&unlisted, 20000, &deep);
    report("127 labels, unlisted", image, &deep, options->rounds, true, UINT64_MAX);
    wires_deinit(&deep);
    pick_deep(&forged, 10000, &deep);
    report("127 labels, forged", image, &deep, options->rounds, true, UINT64_MAX);
    wires_deinit(&deep);
    if (options->peers) {
        report_peers(image, options, source, &listed, &unlisted);
    }
    wires_deinit(&forged);
    wires_deinit(&listed);
    wires_deinit(&unlisted);
    names_close(&other);
}

static unsigned number(const char *text, unsigned most)
{
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < 1 || value > most) {
        stop("a number is wrong");
    }
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    static const struct option words[] = {
        {"names", required_argument, NULL, 'n'}, {"unlisted", required_argument, NULL, 'u'},
        {"rules", required_argument, NULL, 'r'}, {"lists", required_argument, NULL, 'l'},
        {"on", required_argument, NULL, 'o'},    {"words", required_argument, NULL, 'w'},
        {"asked", required_argument, NULL, 'a'}, {"rounds", required_argument, NULL, 's'},
        {"peers", no_argument, NULL, 'p'},       {NULL, 0, NULL, 0}};
    struct options options = {
        .lists = 1, .on = 1, .words = 1, .asked = 1000000, .rounds = 5, .peers = false};
    struct names_source source;
    int option;

    while ((option = getopt_long(argc, argv, "", words, NULL)) != -1) {
        switch (option) {
        case 'n':
            options.names = optarg;
            break;
        case 'u':
            options.unlisted = optarg;
            break;
        case 'r':
            options.rules = number(optarg, 100000000);
            break;
        case 'l':
            options.lists = number(optarg, POLICY_LISTS_MAX);
            break;
        case 'o':
            options.on = number(optarg, POLICY_LISTS_MAX);
            break;
        case 'w':
            options.words = number(optarg, 10000);
            break;
        case 'a':
            options.asked = number(optarg, 100000000);
            break;
        case 's':
            options.rounds = number(optarg, 1000);
            break;
        case 'p':
            options.peers = true;
            break;
        default:
            return 2;
        }
    }
    if (optind != argc) {
        stop("what is named by no option is not understood");
    }
    if (!names_open(&source, options.names)) {
        stop("cannot read the names");
    }
    if (options.rules == 0) {
        options.rules = source.count > 0 ? source.count : 100000;
    }
    struct policy_image *image = build(&options, &source);
    look_up(image, &options, &source);
    policy_image_free(image);
    names_close(&source);
    return 0;
}
