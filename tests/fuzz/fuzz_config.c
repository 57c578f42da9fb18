/*
 * Feeds arbitrary octets to config_parse(). What is refused must say why; what is accepted must
 * print as a file that reads back to the same, and keep the limits that others rely on.
 */
#include "base/error.h"
#include "config/config.h"
#include "policy/views.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    require(out != NULL);
    config_print(config, out);
    require(fclose(out) == 0);
    return text;
}

/* Each condition is that of one view alone, or the choice would hang on the order of a sort. */
static void check_views(const struct config *config)
{
    static const struct address_prefix all[] = {{.family = ADDRESS_V4}, {.family = ADDRESS_V6}};
    static const struct address any = {.family = ADDRESS_NONE};
    struct policy_view_place *places = calloc(
        CONFIG_VIEWS_MAX * CONFIG_VIEW_CLIENTS_MAX * CONFIG_VIEW_LISTEN_MAX, sizeof(*places));
    struct policy_views *views = NULL;
    size_t count = 0;

    require(places != NULL && config->view_count <= CONFIG_VIEWS_MAX);
    for (size_t v = 0; v < config->view_count; v++) {
        const struct config_view *view = &config->views[v];
        const size_t clients = view->client_count > 0 ? view->client_count : 2;
        const size_t listen = view->listen_count > 0 ? view->listen_count : 1;

        require(view->name[0] != '\0' && strcmp(view->name, "default") != 0);
        require(view->client_count <= CONFIG_VIEW_CLIENTS_MAX &&
                view->listen_count <= CONFIG_VIEW_LISTEN_MAX &&
                view->client_count + view->listen_count > 0);
        require(view->list_count <= CONFIG_LISTS_MAX && view->allow.count <= CONFIG_ALLOW_MAX);
        for (size_t i = 0; i < clients * listen; i++) {
            places[count++] = (struct policy_view_place){
                view->client_count > 0 ? view->clients[i / listen] : all[i / listen],
                view->listen_count > 0 ? view->listen[i % listen] : any, (uint8_t)(v + 1)};
        }
    }
    require(policy_views_build(places, count, NULL, &views) == 0);
    policy_views_free(views);
    free(places);
}

static void check(const struct config *config)
{
    check_views(config);
    require(config->listen_count >= 1 && config->listen_count <= CONFIG_LISTEN_MAX);
    require(config->access_count <= CONFIG_ACCESS_MAX);
    require(config->upstream_count <= CONFIG_UPSTREAM_MAX);
    require(config->upstream_count > 0 || config->upstreams_from_system);
    require(config->list_count <= CONFIG_LISTS_MAX);
    require(config->threshold >= 1 && config->threshold <= config->key_count);
    require(config->key_count <= CONFIG_KEYS_MAX);
    require(config->failure_ttl_s >= 1 && config->failure_ttl_s <= 30);
    require(config->ttl_min_s <= config->ttl_max_s);
    require(config->sinkhole4.family == ADDRESS_V4 && config->sinkhole6.family == ADDRESS_V6);
    require(config->list_directory[0] == '/' && config->state_directory[0] == '/');
    for (size_t i = 0; i < config->listen_count; i++) {
        require(config->listen[i].port != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct report report;

    if (size > 8192) {
        return -1; /* longer inputs find nothing new: keep the corpus small */
    }
    report_init(&report);
    const int rc =
        config_parse((const char *)data, size, "fuzz", "/etc/cordon", &report, &config);
    require(rc == 0 || rc == CORDON_E_REFUSED);
    require((rc == 0) == (report.errors == 0) && (rc == 0) == (config != NULL));
    if (rc == 0) {
        struct config *again = NULL;
        size_t first_len = 0;
        size_t second_len = 0;

        check(config);
        char *first = print(config, &first_len);
        require(config_parse(first, first_len, "again", "/", NULL, &again) == 0);
        char *second = print(again, &second_len);
        require(first_len == second_len && memcmp(first, second, first_len) == 0);
        config_free(again);
        free(first);
        free(second);
    }
    config_free(config);
    report_deinit(&report);
    return 0;
}
