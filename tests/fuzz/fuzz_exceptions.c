/*
 * Reads arbitrary octets as a file of exceptions. What is accepted keeps what the format
 * promises: bounded texts, names of two labels at least, an end for each, no id and no subject
 * twice; and each subject reads back from its own text. What is refused says where.
 */
#include "require.h"

#include "base/error.h"
#include "policy/exception_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_subject(const struct policy_exception *exception)
{
    struct policy_exception again = {.exact = exception->exact};
    char subject[POLICY_SUBJECT_MAX];

    const size_t len = policy_exception_subject(exception, subject);
    require(len > 0 && len < POLICY_SUBJECT_MAX && strlen(subject) == len);
    if (exception->is_rule) {
        require(policy_exception_read_rule(subject, len, &again) == NULL);
    } else {
        require(wire_name_from_text(subject, len, &again.name) == WIRE_TEXT_OK);
        require(exception->name.labels >= 2);
    }
    require(policy_exception_same_subject(exception, &again));
}

static void check(const struct policy_exception_file *file)
{
    require(strlen(file->id) >= 1 && strlen(file->id) <= POLICY_LIST_ID_MAX);
    require(file->serial > 0 && file->expires_s > file->created_s);
    require(file->count <= POLICY_EXCEPTIONS_MAX);
    for (size_t i = 0; i < file->count; i++) {
        const struct policy_exception_entry *entry = &file->entries[i];
        const struct policy_exception *exception = &entry->exception;
        const uint64_t begin_s = entry->from_s != 0 ? entry->from_s : file->created_s;

        require(policy_exception_id_is_good(exception->id, strlen(exception->id)));
        require(exception->ticket[0] != '\0' || exception->licence[0] != '\0');
        require(exception->approver[0] != '\0' && entry->reason[0] != '\0');
        require(entry->until_s > begin_s && entry->until_s - begin_s <= POLICY_EXCEPTION_S_MAX);
        require(exception->view == POLICY_ANY_VIEW);
        check_subject(exception);
        for (size_t j = 0; j < i; j++) {
            const struct policy_exception_entry *other = &file->entries[j];

            require(strcmp(other->exception.id, exception->id) != 0);
            require(strcmp(other->view, entry->view) != 0 ||
                    !policy_exception_same_subject(&other->exception, exception));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_exception_file *file = NULL;
    struct report report;

    report_init(&report);
    const int rc = policy_exception_file_parse((const char *)data, size, "f", &report, &file);
    require((rc == 0) == (report.errors == 0));
    require(rc == 0 || rc == CORDON_E_REFUSED || rc == CORDON_E_VERSION);
    if (rc == 0) {
        check(file);
    }
    report_deinit(&report);
    policy_exception_file_free(file);
    return 0;
}
