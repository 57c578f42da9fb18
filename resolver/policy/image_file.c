/*
 * Images as files. A file is copied into a sealed memory file while its digest is computed and
 * the copy is what is mapped: what was checked is what is used, whatever happens to the file.
 */
#include "policy/image_format.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_OCTETS ((size_t)256 << 10)

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

static int write_exactly(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const ssize_t put = write(fd, data, len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return -errno;
        }
        data += put;
        len -= (size_t)put;
    }
    return 0;
}

/* Copies len octets from one file to the other, and adds them to the digest. */
static int copy_digesting(int from, int to, size_t len, struct digest *digest)
{
    uint8_t *buffer = malloc(COPY_OCTETS);
    int rc = buffer == NULL ? -ENOMEM : 0;

    while (rc == 0 && len > 0) {
        const size_t part = len < COPY_OCTETS ? len : COPY_OCTETS;

        rc = read_exactly(from, buffer, part);
        if (rc == 0) {
            digest_add(digest, buffer, part);
            rc = write_exactly(to, buffer, part);
        }
        len -= part;
    }
    free(buffer);
    return rc;
}

/* What the octets of a file must come to. */
struct wanted {
    const uint8_t *key;  /* NULL: none */
    const uint8_t *hash; /* POLICY_IMAGE_HASH octets; NULL: a trailer says it */
};

static int copy_checked(int from, int to, size_t len, const struct wanted *wanted)
{
    const size_t octets = wanted->hash != NULL ? POLICY_IMAGE_HASH : IMAGE_TRAILER;
    uint8_t trailer[IMAGE_TRAILER], found[POLICY_IMAGE_HASH];
    struct digest digest;

    digest_init(&digest, wanted->key, octets);
    int rc = copy_digesting(from, to, len, &digest);
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

int image_memory_open(size_t len, uint8_t **memory, int *file)
{
    const int made = memfd_create("cordon-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *mapped = MAP_FAILED;

    if (made < 0) {
        return -errno;
    }
    if (ftruncate(made, (off_t)len) == 0) {
        mapped = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    }
    if (mapped == MAP_FAILED) {
        const int rc = -errno;

        close(made);
        return rc;
    }
    *memory = mapped;
    *file = made;
    return 0;
}

int image_memory_seal(int file, size_t len, struct policy_image **image)
{
    void *memory = MAP_FAILED;

    /* All of it at once: a worker's first look-ups need not wait for page after page. */
    if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
        0) {
        memory = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
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

/* A memory file with the checked image: its descriptor, or a code. */
static int copy_of(int from, size_t len, const struct wanted *wanted)
{
    const int to = memfd_create("cordon-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (to < 0) {
        return -errno;
    }
    const int rc = copy_checked(from, to, len, wanted);
    if (rc != 0) {
        close(to);
    }
    return rc != 0 ? rc : to;
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
    const int copy = rc == 0 ? copy_of(fd, len, wanted) : rc;
    close(fd);
    return copy < 0 ? copy : image_memory_seal(copy, len, image);
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
