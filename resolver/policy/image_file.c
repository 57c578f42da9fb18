/*
 * Images as files. A file is copied into a sealed memory file while its digest is computed and
 * the copy is what is mapped: what was checked is what is used, whatever happens to the file.
 */
#include "policy/image_format.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_OCTETS \
    ((size_t)256 << 10) /* is still in the processor's cache when it is hashed */

int policy_image_save(const struct policy_image *image, const char *path, const uint8_t key[32])
{
    uint8_t *file = malloc(image->len + IMAGE_TRAILER);

    if (file == NULL) {
        return -ENOMEM;
    }
    memcpy(file, image->octets, image->len);
    digest_of(image->octets, image->len, key, file + image->len);
    const int rc = file_write_atomic(path, file, image->len + IMAGE_TRAILER, 0600);
    free(file);
    return rc;
}

/* Reads exactly len octets. CORDON_E_CORRUPT if the file ends before. */
static int read_exactly(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        const ssize_t got = read(fd, out, len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -errno : CORDON_E_CORRUPT;
        }
        out += got;
        len -= (size_t)got;
    }
    return 0;
}

/* Reads len octets into memory, and adds them to the digest of what is there then. */
static int read_digesting(int from, uint8_t *to, size_t len, struct digest *digest)
{
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < len; at += PART_OCTETS) {
        const size_t part = len - at < PART_OCTETS ? len - at : PART_OCTETS;

        rc = read_exactly(from, to + at, part);
        if (rc == 0) {
            digest_add(digest, to + at, part);
        }
    }
    return rc;
}

/* What the octets of a file must come to. */
struct wanted {
    const uint8_t *key;  /* NULL: none */
    const uint8_t *hash; /* POLICY_IMAGE_HASH octets; NULL: a trailer says it */
};

static int read_checked(int from, uint8_t *to, size_t len, const struct wanted *wanted)
{
    const size_t octets = wanted->hash != NULL ? POLICY_IMAGE_HASH : IMAGE_TRAILER;
    uint8_t trailer[IMAGE_TRAILER], found[POLICY_IMAGE_HASH];
    struct digest digest;

    digest_init(&digest, wanted->key, octets);
    int rc = read_digesting(from, to, len, &digest);
    digest_end(&digest, found, octets);
    if (rc == 0 && wanted->hash == NULL) {
        rc = read_exactly(from, trailer, sizeof(trailer));
    }
    if (rc == 0 && (wanted->hash != NULL ? memcmp(found, wanted->hash, octets) != 0
                                         : !digest_equal(found, trailer))) {
        rc = CORDON_E_CORRUPT;
    }
    return rc;
}

/* A mapping of the memory file, which begins where a large page of the file can be mapped as a
 * whole. MAP_FAILED with errno if there is none. */
static void *map(int file, size_t len, int rights, int flags)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t mapped = (len + page - 1) & ~(page - 1);

    if (len < PAGES_LARGE) {
        return mmap(NULL, len, rights, MAP_SHARED | flags, file, 0);
    }
    const size_t around = mapped + PAGES_LARGE;
    uint8_t *from = mmap(NULL, around, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (from == MAP_FAILED) {
        return from;
    }
    const size_t before = (PAGES_LARGE - (uintptr_t)from % PAGES_LARGE) % PAGES_LARGE;
    void *at = mmap(from + before, len, rights, MAP_SHARED | MAP_FIXED | flags, file, 0);
    if (at == MAP_FAILED) {
        const int error = errno;

        munmap(from, around);
        errno = error;
        return at;
    }
    if (before > 0) {
        munmap(from, before);
    }
    munmap(from + before + mapped, around - before - mapped);
    return at;
}

int image_memory_open(size_t len, uint8_t **memory, int *file)
{
    const int made = memfd_create("cordon-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *mapped = MAP_FAILED;

    if (made < 0) {
        return -errno;
    }
    if (ftruncate(made, (off_t)len) == 0) {
        mapped = map(made, len, PROT_READ | PROT_WRITE, 0);
    }
    if (mapped == MAP_FAILED) {
        const int rc = -errno;

        close(made);
        return rc;
    }
    pages_make_large(mapped, len);
    *memory = mapped;
    *file = made;
    return 0;
}

int image_memory_seal(uint8_t *writable, int file, size_t len, struct policy_image **image)
{
    void *memory = MAP_FAILED;

    munmap(writable, len); /* what can be written to is not sealed */
    /* All of it at once: a worker's first look-ups need not wait for page after page. */
    if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
        0) {
        memory = map(file, len, PROT_READ, MAP_POPULATE);
    }
    int rc = memory == MAP_FAILED ? -errno : 0;
    close(file);
    if (rc == 0) {
        rc = policy_image_attach(memory, len, IMAGE_MAPPED, image);
    }
    if (rc != 0 && memory != MAP_FAILED) {
        munmap(memory, len);
    }
    return rc;
}

/* The image that the file has, checked. */
static int copy_of(int from, size_t len, const struct wanted *wanted,
                   struct policy_image **image)
{
    uint8_t *memory = NULL;
    int file = -1;
    int rc = image_memory_open(len, &memory, &file);

    if (rc != 0) {
        return rc;
    }
    rc = read_checked(from, memory, len, wanted);
    if (rc == 0) {
        return image_memory_seal(memory, file, len, image);
    }
    munmap(memory, len);
    close(file);
    return rc;
}

/* Octets of the image in the file, which has so many more behind it. */
static int file_octets(int fd, size_t trailer, size_t *len)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return -EINVAL;
    }
    if (status.st_size > (off_t)(IMAGE_OCTETS_MAX + trailer)) {
        return CORDON_E_TOO_LARGE;
    }
    if (status.st_size < (off_t)(IMAGE_HEADER_OCTETS + trailer)) {
        return CORDON_E_CORRUPT;
    }
    *len = (size_t)status.st_size - trailer;
    return 0;
}

static int load(const char *path, int flags, const struct wanted *wanted,
                struct policy_image **image)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    size_t len = 0;

    if (fd < 0) {
        return -errno;
    }
    int rc = file_octets(fd, wanted->hash != NULL ? 0 : IMAGE_TRAILER, &len);
    if (rc == 0) {
        rc = copy_of(fd, len, wanted, image);
    }
    close(fd);
    return rc;
}

int policy_image_load(const char *path, const uint8_t key[32], const uint8_t inputs[32],
                      struct policy_image **image)
{
    const struct wanted wanted = {.key = key};
    struct policy_image *made = NULL;
    const int rc = load(path, O_NOFOLLOW, &wanted, &made);

    if (rc != 0) {
        return rc;
    }
    invariant(made != NULL);
    if (memcmp(made->octets + IMAGE_AT_INPUTS, inputs, 32) != 0) {
        policy_image_free(made);
        return CORDON_E_CORRUPT;
    }
    *image = made;
    return 0;
}

int policy_image_load_named(const char *path, const uint8_t hash[POLICY_IMAGE_HASH],
                            struct policy_image **image)
{
    const struct wanted wanted = {.hash = hash};

    return load(path, 0, &wanted, image);
}

const uint8_t *policy_image_inputs_of(const struct policy_image *image)
{
    return image->octets + IMAGE_AT_INPUTS;
}
