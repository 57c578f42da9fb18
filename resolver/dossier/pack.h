/*
 * dossier/pack.h - an evidence pack: what an auditor is handed, as files with a signed list of
 * their SHA-256. The same log and the same times give the same octets: no clock, no locale, no
 * user, names in order.
 */
#ifndef CORDON_DOSSIER_PACK_H
#define CORDON_DOSSIER_PACK_H

#include "dossier/reports.h"
#include "trust/minisign.h"

#define DOSSIER_PACK_FILES_MAX 40u
#define DOSSIER_FILE_NAME_MAX  64u

struct dossier_file {
    char name[DOSSIER_FILE_NAME_MAX]; /* "report.html", "tables/lists.csv" */
    char *data;
    size_t len;
};

struct dossier_pack {
    struct dossier_file files[DOSSIER_PACK_FILES_MAX]; /* by name */
    size_t count;
    uint64_t time_us; /* of all of them: the end of the times that it is about */
};

struct dossier_pack_request {
    const struct dossier_request *request; /* sources as they were at checkpoints (clip.h) */
    const struct audit_verdict *verdicts;  /* as many as sources */
    const char *transcript;                /* of the verifier */
    const struct trust_secret_key *secret; /* NULL: nobody signs it */
};

/* 0 and *pack, freed by dossier_pack_deinit; -errno; -ENOMEM; CORDON_E_TOO_LARGE: a file is
 * above DOSSIER_FILE_MAX, so ask for less time. */
int dossier_pack_make(const struct dossier_pack_request *request, struct dossier_pack *pack);
void dossier_pack_deinit(struct dossier_pack *pack);

/* The same as one tar (POSIX.1-1988 ustar), below folder/. *out is the caller's. 0 or -ENOMEM.
 */
int dossier_pack_tar(const struct dossier_pack *pack, const char *folder, char **out,
                     size_t *len);

#endif
