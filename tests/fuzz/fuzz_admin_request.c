/*
 * Feeds arbitrary octets to request_read(). What is refused must say why; what is accepted
 * keeps the bounds of its getters, and nothing that no getter asked for goes by.
 */
#include "admin/request.h"

#include "require.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
    if (text != NULL) {
        const size_t len = strlen(text);

        require(len > 0 && len <= max);
        for (size_t i = 0; i < len; i++) {
            require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char fault[REQUEST_FAULT_MAX] = "";
    uint64_t number = 0;

    if (size > REQUEST_LINE_MAX + 16) {
        return -1;
    }
    struct request *request = request_read((const char *)data, size, fault);
    if (request == NULL) {
        require(fault[0] != '\0' && memchr(fault, '\0', sizeof(fault)) != NULL);
        return 0;
    }
    require(size <= REQUEST_LINE_MAX);
    const char *command = request_command(request);
    require(command[0] >= 'a' && command[0] <= 'z' && strlen(command) <= REQUEST_COMMAND_MAX);
    check_text(request_text(request, "name", 64, false), 64);
    check_text(request_text(request, "reason", 8, true), 8);
    if (request_number(request, "count", 3, 1000, &number)) {
        require(number >= 3 && number <= 1000);
    }
    request_flag(request, "on");
    const bool fine = request_end(request);
    require(fine == (request_fault(request)[0] == '\0'));
    require(!fine || request_text(request, "reason", 8, true) != NULL);
    request_free(request);
    return 0;
}
