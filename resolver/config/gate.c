/* config/gate.c - options of the gate that no other kind reads. */
#include "config/schema.h"

static enum config_read_result read_names(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    return config_read_names(reader, row, node, CONFIG_MUST_RESOLVE_MAX,
                             "name those that you cannot do without",
                             &reader->config->gate.must_resolve);
}

static void print_names(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_names(&config->gate.must_resolve, out);
}

const struct config_kind config_kind_must_resolve = {"names", read_names, print_names};
