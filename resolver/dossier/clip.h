/*
 * dossier/clip.h - a log as it was at one of its checkpoints: what is read of it today and in a
 * year, when it has grown, is the same.
 *
 * The end is the first checkpoint at or after a time that covers all events of before it, which
 * may have waited for their blocks until after a checkpoint; where there is none yet, the
 * newest, unless what follows it is damaged: nothing that is wrong is ever cut away. What is
 * wrong behind the end is in the verdict, too.
 */
#ifndef CORDON_DOSSIER_CLIP_H
#define CORDON_DOSSIER_CLIP_H

#include "audit/checkpoint.h"
#include "audit/files.h"
#include "audit/verify.h"

struct dossier_clip {
    struct audit_files files; /* what is to be read; its context is this struct */
    const struct audit_files *inner;
    bool clipped;
    uint32_t last_file; /* the file of the end, and where in it */
    uint64_t last_end;
    int last_handle;   /* of that file while it is open; -1 */
    bool later;        /* the checkpoint is at or after the time that was asked for */
    uint64_t time_us;  /* of the checkpoint, which nobody has verified yet; 0: none */
    uint64_t first_us; /* of the first checkpoint */
    char head[AUDIT_CHECKPOINT_MAX];
    size_t head_len; /* 0: there is none */
};

/* to_us 0: the newest. inner is borrowed as long as the clip is used, and the clip must stay
 * where it is. 0; -errno; -ENOMEM. */
int dossier_clip_init(struct dossier_clip *clip, const struct audit_files *inner,
                      uint64_t to_us);

/* The verdict about the log as it was, as of audit_verify(); where that holds and the log as it
 * is now does not, the finding about that. So a log that has grown as it should gives the same
 * as before, and no octet of a log can be changed without a word. */
int dossier_clip_verify(const struct dossier_clip *clip,
                        const struct audit_verify_options *options,
                        struct audit_verdict *verdict);

#endif
