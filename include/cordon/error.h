/*
 * cordon/error.h - what functions of libcordon return when they fail.
 *
 * 0 is success. Negative values above -2000 are errno values with their sign turned (-ENOENT);
 * those below are of this table. Values never change their meaning.
 */
#ifndef CORDON_ERROR_H
#define CORDON_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CORDON_API
#define CORDON_API __attribute__((visibility("default")))
#endif

#define CORDON_ERRORS(X)                                                                    \
    X(CORDON_E_FORMAT, -2001, "the input does not have the expected form")                  \
    X(CORDON_E_VERSION, -2002, "the format version is not one that this program knows")     \
    X(CORDON_E_SIGNATURE, -2003, "a signature does not verify")                             \
    X(CORDON_E_UNTRUSTED, -2004, "the key is not among the trusted keys")                   \
    X(CORDON_E_THRESHOLD, -2005, "fewer distinct trusted keys have signed than are needed") \
    X(CORDON_E_TOO_LARGE, -2006, "the input is larger than the limit")                      \
    X(CORDON_E_CORRUPT, -2007, "the file is damaged")                                       \
    X(CORDON_E_LIMIT, -2008, "a limit was reached")                                         \
    X(CORDON_E_PASSWORD, -2009, "the password is wrong or missing")                         \
    X(CORDON_E_REFUSED, -2010, "the input was refused; the report says why")                \
    X(CORDON_E_NO_FILE, -2011,                                                              \
      "it is no regular file, but a link, a pipe, a folder or a device")                    \
    X(CORDON_E_GONE, -2012, "what was written there was removed, replaced or cut")          \
    X(CORDON_E_MOVED, -2013, "the folder was moved, or another is in its place")

enum cordon_error {
#define CORDON_ERROR_ENUM(name, value, text) name = (value),
    CORDON_ERRORS(CORDON_ERROR_ENUM)
#undef CORDON_ERROR_ENUM
    CORDON_OK = 0
};

/* The text for a code of ours or a negative errno value. Never NULL; static storage or, for
 * errno values, what strerror(3) keeps. Any thread. */
CORDON_API const char *cordon_strerror(int code);

#ifdef __cplusplus
}
#endif

#endif
