#include "dossier/pack.h"

#include "audit/checkpoint.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/invariant.h"
#include "dossier/render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US   UINT64_C(86400000000)
#define MANIFEST "manifest.sha256"

struct packing {
    const struct dossier_pack_request *request;
    struct dossier_pack *pack;
    struct dossier *dossier;
    int rc; /* the first failure */
};

/* --- files --- */

/* A file that is written into; NULL after a failure. */
static FILE *begin(struct packing *all, const char *name)
{
    struct dossier_pack *pack = all->pack;

    invariant(pack->count < DOSSIER_PACK_FILES_MAX);
    struct dossier_file *file = &pack->files[pack->count];
    if (all->rc != 0) {
        return NULL;
    }
    snprintf(file->name, sizeof(file->name), "%s", name);
    FILE *out = open_memstream(&file->data, &file->len);
    if (out == NULL) {
        all->rc = -ENOMEM;
    }
    return out;
}

static void end(struct packing *all, FILE *out)
{
    struct dossier_pack *pack = all->pack;

    if (out == NULL) {
        return;
    }
    const bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        all->rc = -ENOMEM;
    }
    if (pack->files[pack->count].len > DOSSIER_FILE_MAX) {
        all->rc = CORDON_E_TOO_LARGE;
    }
    pack->count++; /* what is there is freed, whatever it is worth */
}

static void add_text(struct packing *all, const char *name, const char *text, size_t len)
{
    FILE *out = begin(all, name);

    if (out != NULL) {
        fwrite(text, 1, len, out);
    }
    end(all, out);
}

/* --- checkpoints --- */

/* The last one of each day, and so the newest: enough to see that a log only grew. */
static int write_checkpoints(const struct audit_files *files, FILE *out)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    char *kept = NULL;
    size_t kept_len = 0;
    uint64_t day = UINT64_MAX;
    unsigned count = 0;
    int rc = reader == NULL ? -ENOMEM : 0;

    while (rc == 0) {
        struct audit_checkpoint checkpoint;
        struct trust_note note;

        rc = audit_reader_next(reader, &item);
        if (rc != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind != AUDIT_ITEM_CHECKPOINT ||
            trust_note_parse(item.text, item.len, &note) != 0 ||
            audit_checkpoint_parse(&note, &checkpoint) != 0) {
            continue;
        }
        if (kept != NULL && checkpoint.time_us / DAY_US != day &&
            count++ < DOSSIER_CHECKPOINTS_MAX) {
            fprintf(out, "%.*s\n", (int)kept_len, kept);
        }
        char *copy = realloc(kept, item.len + 1);
        rc = copy != NULL ? 0 : -ENOMEM;
        if (rc == 0) {
            kept = copy;
            kept_len = item.len;
            memcpy(kept, item.text, kept_len);
            day = checkpoint.time_us / DAY_US;
        }
    }
    if (rc == 0 && kept != NULL) {
        fprintf(out, "%.*s", (int)kept_len, kept);
    }
    free(kept);
    audit_reader_destroy(reader);
    return rc;
}

static void add_checkpoints(struct packing *all)
{
    const struct dossier_request *request = all->request->request;
    FILE *out = begin(all, "checkpoints.txt");

    for (size_t i = 0; i < request->source_count && out != NULL && all->rc == 0; i++) {
        fputs(i > 0 ? "\n" : "", out);
        all->rc = write_checkpoints(request->sources[i].files, out);
    }
    end(all, out);
}

/* --- words --- */

static void add_keys(struct packing *all)
{
    const struct dossier_request *request = all->request->request;
    char key[TRUST_NOTE_KEY_TEXT_MAX];
    FILE *out = begin(all, "log-keys.txt");

    for (size_t i = 0; i < request->source_count && out != NULL; i++) {
        (void)trust_note_key_format(&request->sources[i].key, key);
        fprintf(out, "%s\n", key);
    }
    end(all, out);
    if (all->request->secret != NULL) {
        struct trust_public_key public_key;
        char text[1024];

        trust_public_key_of(all->request->secret, &public_key);
        add_text(all, "signer.pub", text,
                 trust_public_key_format(&public_key, text, sizeof(text)));
    }
}

static void add_readme(struct packing *all)
{
    FILE *out = begin(all, "README.txt");

    if (out == NULL) {
        return;
    }
    fputs("Evidence from an audit log of cordon\n\n", out);
    for (size_t i = 0; i < all->dossier->fact_count; i++) {
        fprintf(out, "%-16s ", all->dossier->facts[i].title);
        fwrite(all->dossier->facts[i].text, 1, all->dossier->facts[i].len, out);
        fputc('\n', out);
    }
    fputs("\n"
          "report.html      for people: open it in a browser; it needs nothing else\n"
          "report.json      the same for programs, with every row\n"
          "report.txt       the same for a terminal\n"
          "tables/          every table as CSV\n"
          "verify.txt       what the verifier found when this was made\n"
          "checkpoints.txt  signed checkpoints of the log: the last of each day\n"
          "log-keys.txt     the public keys of the logs\n",
          out);
    fputs(all->request->secret != NULL
              ? "signer.pub       the public key that has signed this\n"
              : "\nNobody has signed this pack.\n",
          out);
    fputs("\n"
          "To check it:\n"
          "  minisign -V -p KEY -m " MANIFEST "\n"
          "  sha256sum -c " MANIFEST "\n"
          "KEY is a file with the signer's public key that you have from elsewhere: signer.pub "
          "comes\nfrom whoever made this. To check the log itself, ask for its files:\n"
          "  cordon audit verify --key KEY-OF-THE-LOG DIR\n"
          "The same log and the same times give the same octets:\n"
          "  cordon audit report evidence --from FROM --to TO --output DIR\n",
          out);
    end(all, out);
}

static void add_reports(struct packing *all)
{
    const struct dossier *dossier = all->dossier;
    FILE *out = begin(all, "report.html");

    if (out != NULL) {
        dossier_render_html(dossier, out);
    }
    end(all, out);
    out = begin(all, "report.json");
    if (out != NULL) {
        dossier_render_json(dossier, out);
    }
    end(all, out);
    out = begin(all, "report.txt");
    if (out != NULL) {
        dossier_render_text(dossier, out);
    }
    end(all, out);
    for (size_t i = 0; i < dossier->table_count; i++) {
        char name[DOSSIER_FILE_NAME_MAX];

        snprintf(name, sizeof(name), "tables/%s.csv", dossier->tables[i].key);
        out = begin(all, name);
        if (out != NULL) {
            dossier_render_csv(&dossier->tables[i], out);
        }
        end(all, out);
    }
}

/* --- manifest --- */

static int compare(const void *a, const void *b)
{
    const struct dossier_file *left = a, *right = b;

    return strcmp(left->name, right->name);
}

/* As sha256sum(1) writes and checks it. */
static void add_manifest(struct packing *all)
{
    struct dossier_pack *pack = all->pack;

    qsort(pack->files, pack->count, sizeof(pack->files[0]), compare);
    const size_t count = pack->count;
    FILE *out = begin(all, MANIFEST);
    for (size_t i = 0; i < count && out != NULL; i++) {
        uint8_t digest[DIGEST_OCTETS];
        char hex[2 * DIGEST_OCTETS + 1];

        digest_sha256(pack->files[i].data, pack->files[i].len, digest);
        digest_hex(digest, sizeof(digest), hex);
        fprintf(out, "%s  %s\n", hex, pack->files[i].name);
    }
    end(all, out);
}

static void sign_manifest(struct packing *all)
{
    const struct dossier_request *request = all->request->request;
    struct dossier_pack *pack = all->pack;
    char text[TRUST_SIGNATURE_FILE_MAX];
    char comment[TRUST_COMMENT_MAX];
    char to[DOSSIER_MOMENT_MAX];
    size_t len = 0;

    if (all->rc != 0 || all->request->secret == NULL) {
        return;
    }
    const struct dossier_file *manifest = &pack->files[pack->count - 1];
    snprintf(comment, sizeof(comment), "cordon evidence %s up to %s",
             request->source_count > 0 ? request->sources[0].key.name : "",
             dossier_moment(pack->time_us, to));
    all->rc = trust_sign(all->request->secret, (const uint8_t *)manifest->data, manifest->len,
                         comment, text, sizeof(text), &len);
    if (all->rc == 0) {
        add_text(all, MANIFEST ".minisig", text, len);
    }
}

int dossier_pack_make(const struct dossier_pack_request *request, struct dossier_pack *pack)
{
    struct packing all = {.request = request, .pack = pack};

    memset(pack, 0, sizeof(*pack));
    pack->time_us = request->request->to_us;
    all.rc = dossier_make(DOSSIER_EVIDENCE, request->request, request->verdicts, &all.dossier);
    if (all.rc == 0) {
        add_readme(&all);
        add_reports(&all);
        add_text(&all, "verify.txt", request->transcript, strlen(request->transcript));
        add_checkpoints(&all);
        add_keys(&all);
        add_manifest(&all);
        sign_manifest(&all);
        qsort(pack->files, pack->count, sizeof(pack->files[0]), compare);
    }
    dossier_destroy(all.dossier);
    if (all.rc != 0) {
        dossier_pack_deinit(pack);
    }
    return all.rc;
}

void dossier_pack_deinit(struct dossier_pack *pack)
{
    for (size_t i = 0; i < pack->count; i++) {
        free(pack->files[i].data);
    }
    memset(pack, 0, sizeof(*pack));
}

/* --- tar --- */

#define TAR_OCTETS 512u

static void octal(char *at, size_t size, uint64_t number)
{
    snprintf(at, size, "%0*" PRIo64, (int)size - 1, number);
}

static void put_member(const char *folder, const struct dossier_file *file, uint64_t time_s,
                       FILE *out)
{
    static const char zeros[TAR_OCTETS];
    struct {
        char name[100], mode[8], uid[8], gid[8], size[12], time[12], sum[8], type, link[100],
            magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
    } head;
    unsigned sum = 0;

    _Static_assert(sizeof(head) == TAR_OCTETS, "a header of tar");
    memset(&head, 0, sizeof(head));
    snprintf(head.name, sizeof(head.name), "%.30s/%s", folder, file->name);
    octal(head.mode, sizeof(head.mode), 0644);
    octal(head.uid, sizeof(head.uid), 0);
    octal(head.gid, sizeof(head.gid), 0);
    octal(head.size, sizeof(head.size), file->len);
    octal(head.time, sizeof(head.time), time_s & 077777777777);
    head.type = '0';
    memcpy(head.magic, "ustar", 6);
    memcpy(head.version, "00", 2);
    memset(head.sum, ' ', sizeof(head.sum));
    for (size_t i = 0; i < sizeof(head); i++) {
        sum += ((const unsigned char *)&head)[i];
    }
    snprintf(head.sum, sizeof(head.sum), "%06o", sum);
    fwrite(&head, 1, sizeof(head), out);
    fwrite(file->data, 1, file->len, out);
    fwrite(zeros, 1, (TAR_OCTETS - file->len % TAR_OCTETS) % TAR_OCTETS, out);
}

int dossier_pack_tar(const struct dossier_pack *pack, const char *folder, char **out,
                     size_t *len)
{
    static const char end_of_tar[2 * TAR_OCTETS];
    FILE *memory = open_memstream(out, len);

    if (memory == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < pack->count; i++) {
        put_member(folder, &pack->files[i], pack->time_us / 1000000, memory);
    }
    fwrite(end_of_tar, 1, sizeof(end_of_tar), memory);
    const bool good = ferror(memory) == 0;
    if (fclose(memory) != 0 || !good) {
        free(*out);
        *out = NULL;
        return -ENOMEM;
    }
    return 0;
}
