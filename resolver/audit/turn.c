#include "audit/turn.h"

#include "base/error.h"

#include <errno.h>

static int write_all(struct audit_turn *turn, uint64_t at, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t done = 0;
        const int result =
            turn->files->write(turn->files->context, turn->handle, at, data, len, &done);

        if (result == -EINTR) {
            continue;
        }
        if (result != 0 || done == 0) {
            return result != 0 ? result : -EIO;
        }
        at += done;
        data += done;
        len -= done;
    }
    return 0;
}

static int sync_file(struct audit_turn *turn)
{
    return turn->sync ? turn->files->sync(turn->files->context, turn->handle) : 0;
}

/* The head is safe before the first frame is written: without it no frame has a meaning. */
static int write_head(struct audit_turn *turn)
{
    const struct audit_files *files = turn->files;
    int result = write_all(turn, 0, turn->head, turn->head_len);

    if (result == 0) {
        result = files->cut(files->context, turn->handle, turn->head_len);
    }
    if (result == 0) {
        result = sync_file(turn);
    }
    if (result == 0 && turn->sync) {
        result = files->sync_folder(files->context);
    }
    if (result == 0) {
        turn->has_head = true;
        turn->safe_at = turn->head_len;
        turn->octets += turn->head_len;
    }
    return result;
}

static int open_file(struct audit_turn *turn)
{
    const struct audit_files *files = turn->files;
    uint64_t size = 0;
    const int handle = files->open(files->context, turn->file, !turn->has_head, &size);

    if (handle >= 0) {
        turn->handle = handle;
        return 0;
    }
    return turn->has_head && (handle == -ENOENT || handle == CORDON_E_NO_FILE) ? CORDON_E_GONE
                                                                               : handle;
}

/* Behind what is not there any more nothing is safe, whatever the disk says. */
static int look(struct audit_turn *turn)
{
    const struct audit_files *files = turn->files;
    const int result = files->still != NULL ? files->still(files->context, turn->file,
                                                           turn->handle, turn->safe_at)
                                            : 0;

    turn->is_moved = result == CORDON_E_MOVED;
    return turn->is_moved ? 0 : result;
}

static int write_frames(struct audit_turn *turn)
{
    const struct audit_files *files = turn->files;
    int result = turn->handle < 0 ? open_file(turn) : 0;

    if (turn->handle < 0) {
        return result;
    }
    if (!turn->has_head) {
        result = write_head(turn);
    }
    if (result == 0) {
        result = look(turn);
    }
    if (result == 0 && turn->len > 0) {
        result = write_all(turn, turn->safe_at, turn->data, turn->len);
        if (result == 0) {
            result = sync_file(turn);
        }
    }
    if (result != 0) {
        /* What was not synced may be there or not, and the system may have forgotten that it is
         * not: the file is opened anew, and all of it is written once more. */
        if (turn->has_head && result != CORDON_E_GONE) {
            (void)files->cut(files->context, turn->handle, turn->safe_at);
        }
        files->close(files->context, turn->handle);
        turn->handle = -1;
    }
    return result;
}

void audit_turn_run(void *argument)
{
    struct audit_turn *turn = argument;
    const struct audit_files *files = turn->files;

    turn->result = 0;
    turn->octets = 0;
    if (turn->before >= 0) {
        files->close(files->context, turn->before);
        turn->before = -1;
    }
    if (!turn->is_safe) {
        turn->result = write_frames(turn);
        if (turn->result == 0) {
            turn->is_safe = true;
            turn->safe_at += turn->len;
            turn->octets += turn->len;
        }
    }
    if (turn->result == 0 && turn->note_len > 0) {
        turn->result = files->write_head(files->context, turn->note, turn->note_len);
    }
}
