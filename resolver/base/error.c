#include "base/error.h"

#include <string.h>

#define ERRNO_MAX 4095 /* the kernel's own bound: no errno value is larger */

const char *cordon_strerror(int code)
{
    switch (code) {
#define CORDON_ERROR_CASE(name, value, text) \
    case name:                               \
        return text;
        CORDON_ERRORS(CORDON_ERROR_CASE)
#undef CORDON_ERROR_CASE
    default:
        return code <= 0 && code >= -ERRNO_MAX ? strerror(-code) : "an unknown error";
    }
}
