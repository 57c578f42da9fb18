#include "config/tree.h"

#include "base/invariant.h"
#include "config/config.h"
#include "config/octets.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct frame {
    struct config_node *node; /* owned by its parent */
    struct config_node *key;  /* of the mapping, waits for its value; ours until then */
};

struct tree_reader {
    const char *file;
    struct report *report;
    struct config_node *root;
    struct frame frames[CONFIG_DEPTH_MAX];
    unsigned depth;
    size_t nodes;
    unsigned documents;
    bool stop; /* nothing sensible can follow */
};

void config_tree_free(struct config_node *root)
{
    /* Recursion is bounded by CONFIG_DEPTH_MAX; siblings are a loop. */
    while (root != NULL) {
        struct config_node *next = root->next;
        config_tree_free(root->key);
        config_tree_free(root->first);
        free(root->text);
        free(root);
        root = next;
    }
}

bool config_node_is_empty(const struct config_node *node)
{
    return node->kind == CONFIG_SCALAR && !node->quoted && node->text[0] == '\0';
}

static void fault(struct tree_reader *reader, const yaml_mark_t *mark, const char *words)
{
    report_add(reader->report, REPORT_ERROR, reader->file, mark->line + 1, mark->column + 1,
               "%s", words);
}

static struct config_node *make_node(struct tree_reader *reader, const yaml_event_t *event,
                                     enum config_node_kind kind)
{
    struct config_node *node = calloc(1, sizeof(*node));

    if (node != NULL) {
        node->kind = kind;
        node->line = event->start_mark.line + 1;
        node->column = event->start_mark.column + 1;
        reader->nodes++;
    }
    return node;
}

/* Anchors and tags stand on scalars and on the starts of mappings and sequences. */
static bool check_decoration(struct tree_reader *reader, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        fault(reader, &event->start_mark,
              "anchors (&NAME) are not allowed: write the value out where it is needed");
    }
    if (tag != NULL) {
        fault(reader, &event->start_mark,
              "tags (!NAME) are not allowed: what a value is follows from its option");
    }
    return anchor == NULL && tag == NULL;
}

static bool check_key(struct tree_reader *reader, const struct config_node *mapping,
                      const struct config_node *key, const yaml_mark_t *mark)
{
    if (strcmp(key->text, "<<") == 0 && !key->quoted) {
        fault(reader, mark, "merge keys (<<) are not allowed: write the options out");
        return false;
    }
    for (const struct config_node *item = mapping->first; item != NULL; item = item->next) {
        if (item->key->kind == CONFIG_SCALAR && strcmp(item->key->text, key->text) == 0) {
            report_add(reader->report, REPORT_ERROR, reader->file, mark->line + 1,
                       mark->column + 1,
                       "\"%s\" stands here twice, first on line %zu: keep one of them",
                       key->text, item->key->line);
            return false;
        }
    }
    return true;
}

/* Takes over the node and puts it where it belongs: the root, a key, a value or an item. */
static void place(struct tree_reader *reader, struct config_node *node, const yaml_mark_t *mark)
{
    if (reader->depth == 0) {
        invariant(reader->root == NULL);
        reader->root = node;
        return;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->node->kind == CONFIG_MAPPING && frame->key == NULL) {
        if (node->kind != CONFIG_SCALAR) {
            fault(reader, mark, "a mapping or sequence cannot be a key: write NAME: VALUE");
            node->bad = true;
        } else if (!node->bad && !check_key(reader, frame->node, node, mark)) {
            node->bad = true;
        }
        frame->key = node;
        return;
    }
    node->key = frame->key; /* NULL in a sequence */
    frame->key = NULL;
    if (frame->node->last == NULL) {
        frame->node->first = node;
    } else {
        frame->node->last->next = node;
    }
    frame->node->last = node;
    if (++frame->node->count == CONFIG_ITEMS_MAX || reader->nodes >= CONFIG_NODES_MAX) {
        fault(reader, mark, "too many entries: nothing behind this one was read");
        reader->stop = true;
    }
}

static const char *scalar_fault(const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    const size_t len = event->data.scalar.length;

    if (event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
        event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE) {
        return "block text (| or >) is not allowed: write the value on one line";
    }
    if (len > CONFIG_TEXT_MAX) {
        return "the value is longer than 4096 octets";
    }
    if (!config_text_is_clean(value, len)) {
        return "the value has a control character in it, which no option takes";
    }
    return NULL;
}

static int add_scalar(struct tree_reader *reader, const yaml_event_t *event)
{
    struct config_node *node = make_node(reader, event, CONFIG_SCALAR);
    const size_t len = event->data.scalar.length;
    const char *words = scalar_fault(event);
    char *text = malloc(len + 1);

    if (node == NULL || text == NULL) {
        free(node);
        free(text);
        return -ENOMEM;
    }
    memcpy(text, event->data.scalar.value, len);
    text[len] = '\0';
    node->text = text;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->bad =
        !check_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (words != NULL) {
        fault(reader, &event->start_mark, words);
        node->bad = true;
    }
    place(reader, node, &event->start_mark);
    return 0;
}

/* Stands for what it names, so that the values behind it are still looked at. */
static int add_alias(struct tree_reader *reader, const yaml_event_t *event)
{
    struct config_node *node = make_node(reader, event, CONFIG_SCALAR);
    char *text = strdup("");

    if (node == NULL || text == NULL) {
        free(node);
        free(text);
        return -ENOMEM;
    }
    node->text = text;
    node->bad = true;
    fault(reader, &event->start_mark,
          "aliases (*NAME) are not allowed: write the value out; a text that starts with * "
          "needs quotes");
    place(reader, node, &event->start_mark);
    return 0;
}

static int open_collection(struct tree_reader *reader, const yaml_event_t *event,
                           enum config_node_kind kind)
{
    if (reader->depth == CONFIG_DEPTH_MAX) {
        fault(reader, &event->start_mark, "nested too deep: no option is this deep");
        reader->stop = true;
        return 0;
    }
    struct config_node *node = make_node(reader, event, kind);
    if (node == NULL) {
        return -ENOMEM;
    }
    if (kind == CONFIG_MAPPING) {
        node->bad = !check_decoration(reader, event, event->data.mapping_start.anchor,
                                      event->data.mapping_start.tag);
    } else {
        node->bad = !check_decoration(reader, event, event->data.sequence_start.anchor,
                                      event->data.sequence_start.tag);
    }
    place(reader, node, &event->start_mark);
    reader->frames[reader->depth++] = (struct frame){.node = node};
    return 0;
}

static void close_collection(struct tree_reader *reader)
{
    invariant(reader->depth > 0 && reader->frames[reader->depth - 1].key == NULL);
    reader->depth--;
}

static void open_document(struct tree_reader *reader, const yaml_event_t *event)
{
    if (++reader->documents > 1) {
        fault(reader, &event->start_mark,
              "a second document (---) begins: the configuration is one document");
        reader->stop = true;
        return;
    }
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        fault(reader, &event->start_mark, "directives (%NAME) are not allowed: leave them out");
    }
}

static int add_event(struct tree_reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        open_document(reader, event);
        return 0;
    case YAML_SCALAR_EVENT:
        return add_scalar(reader, event);
    case YAML_ALIAS_EVENT:
        return add_alias(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(reader, event, CONFIG_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        return open_collection(reader, event, CONFIG_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(reader);
        return 0;
    case YAML_STREAM_END_EVENT:
        reader->stop = true;
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 0;
    }
    return 0;
}

static int syntax_fault(struct tree_reader *reader, const yaml_parser_t *parser)
{
    const bool located =
        parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR;

    if (parser->error == YAML_MEMORY_ERROR) {
        return -ENOMEM;
    }
    report_add(reader->report, REPORT_ERROR, reader->file,
               located ? parser->problem_mark.line + 1 : 0, parser->problem_mark.column + 1,
               "not well-formed YAML: %s%s%s: look at the indentation, brackets and quotes "
               "here and on the line before",
               parser->context != NULL ? parser->context : "",
               parser->context != NULL ? ", " : "",
               parser->problem != NULL ? parser->problem : "unknown problem");
    return 0;
}

static int read_events(struct tree_reader *reader, yaml_parser_t *parser)
{
    int rc = 0;

    while (!reader->stop && rc == 0) {
        yaml_event_t event;

        if (yaml_parser_parse(parser, &event) == 0) {
            return syntax_fault(reader, parser);
        }
        rc = add_event(reader, &event);
        yaml_event_delete(&event);
    }
    return rc;
}

int config_tree_read(const char *text, size_t len, const char *file, struct report *report,
                     struct config_node **root)
{
    struct tree_reader reader = {.file = file, .report = report};
    yaml_parser_t parser;

    *root = NULL;
    char *copy = malloc(len + 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, text, len);
    if (!config_check_octets(copy, len, file, report)) {
        free(copy);
        return 0;
    }
    if (yaml_parser_initialize(&parser) == 0) {
        free(copy);
        return -ENOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)copy, len);
    const int rc = read_events(&reader, &parser);
    yaml_parser_delete(&parser);
    free(copy);
    /* A value that was cut says nothing; sections keep the options that came before. */
    for (unsigned i = 0; i < reader.depth; i++) {
        if (i >= 2 || reader.frames[i].node->kind != CONFIG_MAPPING) {
            reader.frames[i].node->bad = true;
        }
    }
    for (unsigned i = 0; i < reader.depth; i++) {
        config_tree_free(reader.frames[i].key); /* whose value never came */
    }
    if (rc != 0) {
        config_tree_free(reader.root);
        return rc;
    }
    *root = reader.root;
    return 0;
}
