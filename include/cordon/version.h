/*
 * cordon/version.h - which libcordon this is.
 *
 * While the major number is 0, a new minor number may change the interface; the library's
 * soname has both. Structs begin with their size, so that fields can be added behind the
 * others.
 */
#ifndef CORDON_VERSION_H
#define CORDON_VERSION_H

#include <cordon/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_VERSION_MAJOR 0
#define CORDON_VERSION_MINOR 1
#define CORDON_VERSION_PATCH 0

/* "0.1.0": of the library that runs, not of the header. Static storage. */
CORDON_API const char *cordon_version(void);

#ifdef __cplusplus
}
#endif

#endif
