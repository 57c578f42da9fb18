/*
 * Images as files. A file is copied into a sealed memory file while its digest is computed and
 * the copy is what is mapped: what was checked is what is used, whatever happens to the file.
 */
#include "policy/image_format.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

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

/* Copies len octets from one file to the other and checks the trailer that follows them. */
static int copy_checked(int from, int to, size_t len, const uint8_t key[32])
{
    uint8_t *buffer = malloc(COPY_OCTETS);
    uint8_t trailer[IMAGE_TRAILER], wanted[IMAGE_TRAILER];
    struct digest digest;
    int rc = buffer == NULL ? -ENOMEM : 0;

    digest_init(&digest, key, sizeof(wanted));
    while (rc == 0 && len > 0) {
        const size_t part = len < COPY_OCTETS ? len : COPY_OCTETS;

        rc = read_exactly(from, buffer, part);
        if (rc == 0) {
            digest_add(&digest, buffer, part);
            rc = write_exactly(to, buffer, part);
        }
        len -= part;
    }
    if (rc == 0) {
        rc = read_exactly(from, trailer, sizeof(trailer));
    }
    digest_end(&digest, wanted, sizeof(wanted));
    if (rc == 0 && !digest_equal(trailer, wanted)) {
        rc = CORDON_E_CORRUPT;
    }
    free(buffer);
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

    if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
        0) {
        memory = mmap(NULL, len, PROT_READ, MAP_SHARED, file, 0);
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
static int copy_of(int from, size_t len, const uint8_t key[32])
{
    const int to = memfd_create("cordon-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (to < 0) {
        return -errno;
    }
    const int rc = copy_checked(from, to, len, key);
    if (rc != 0) {
        close(to);
    }
    return rc != 0 ? rc : to;
}

static int file_octets(int fd, size_t *len)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return -EINVAL;
    }
    if (status.st_size > (off_t)(IMAGE_OCTETS_MAX + IMAGE_TRAILER)) {
        return CORDON_E_TOO_LARGE;
    }
    if (status.st_size < (off_t)(IMAGE_HEADER_OCTETS + IMAGE_TRAILER)) {
        return CORDON_E_CORRUPT;
    }
    *len = (size_t)status.st_size - IMAGE_TRAILER;
    return 0;
}

int policy_image_load(const char *path, const uint8_t key[32], const uint8_t inputs[32],
                      struct policy_image **image)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct policy_image *made = NULL;
    size_t len = 0;

    if (fd < 0) {
        return -errno;
    }
    int rc = file_octets(fd, &len);
    const int copy = rc == 0 ? copy_of(fd, len, key) : rc;
    close(fd);
    if (copy < 0) {
        return copy;
    }
    rc = image_memory_seal(copy, len, &made);
    if (rc != 0) {
        return rc;
    }
    if (memcmp(made->octets + IMAGE_AT_INPUTS, inputs, 32) != 0) {
        policy_image_free(made);
        return CORDON_E_CORRUPT;
    }
    *image = made;
    return 0;
}
