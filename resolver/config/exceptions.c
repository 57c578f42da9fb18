/* config/exceptions.c - options about files of exceptions. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

static enum config_read_result read_exception_files(struct config_reader *reader,
                                                    const struct config_row *row,
                                                    const struct config_node *node)
{
    struct config *config = reader->config;

    return config_read_files(reader, row, node, "paths: [/etc/cordon/board.exceptions]",
                             CONFIG_EXCEPTIONS_MAX, config->exception_files,
                             &config->exception_file_count);
}

static void print_exception_files(const struct config *config, const struct config_row *row,
                                  FILE *out)
{
    (void)row;
    config_print_files(config->exception_files, config->exception_file_count, out);
}

const struct config_kind config_kind_exception_files = {"paths", read_exception_files,
                                                        print_exception_files};

static enum config_read_result read_exception_keys(struct config_reader *reader,
                                                   const struct config_row *row,
                                                   const struct config_node *node)
{
    return config_read_keys(reader, row, node, reader->config->exception_keys,
                            &reader->config->exception_key_count);
}

static void print_exception_keys(const struct config *config, const struct config_row *row,
                                 FILE *out)
{
    (void)row;
    if (config->exception_key_count == 0) {
        fputs(" []", out);
    }
    config_print_keys(config->exception_keys, config->exception_key_count, out);
}

const struct config_kind config_kind_exception_keys = {"paths or keys", read_exception_keys,
                                                       print_exception_keys};

static const char *fault_of(const struct config *config)
{
    if (config->exceptions_signed && config->exception_key_count == 0) {
        return "signed: required needs keys: name those of who approves exceptions";
    }
    if (config->exception_key_count > 0 &&
        config->exception_threshold > config->exception_key_count) {
        return "more signatures are asked for than there are keys: no file could ever be "
               "accepted; add keys or lower threshold";
    }
    for (size_t i = 0; i < config->exception_key_count; i++) {
        for (size_t j = 0; j < config->key_count; j++) {
            if (strcmp(config->exception_keys[i], config->keys[j]) == 0) {
                return "a key of trust.keys stands in keys: who signs lists does not sign "
                       "exceptions from them";
            }
        }
    }
    return NULL;
}

void config_check_exceptions(struct config_reader *reader, struct config_place place, bool bad)
{
    const char *fault = bad ? NULL : fault_of(reader->config);

    if (fault != NULL) {
        report_add(reader->report, REPORT_ERROR, reader->file, place.line, place.column,
                   "exceptions: %s", fault);
    }
}

void config_free_exceptions(struct config *config)
{
    for (size_t i = 0; i < config->exception_file_count; i++) {
        free(config->exception_files[i]);
    }
    for (size_t i = 0; i < config->exception_key_count; i++) {
        free(config->exception_keys[i]);
    }
}
