/* What a control socket says may come from anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/reply.h"

#include <string.h>

static json_t *read_reply(const char *command, const char *text)
{
    char fault[CLI_REPLY_FAULT_MAX] = "";
    json_t *document = cli_reply(command, text, strlen(text), fault);

    assert_int_equal(document == NULL, fault[0] != '\0');
    for (const char *at = fault; *at != '\0'; at++) {
        assert_true(*at >= 0x20 && *at < 0x7f);
    }
    return document;
}

static void what_no_cordond_says_is_refused(void **state)
{
    static const struct {
        const char *command, *text;
    } rows[] = {
        {"status", ""},
        {"status", "HTTP/1.1 400 Bad Request"},
        {"status", "{\"\x1b[31m"},
        {"status", "[]"},
        {"status", "{}"},
        {"status", "{\"ok\":1}"},
        {"status", "{\"ok\":\"true\"}"},
        {"status", "{\"ok\":true}{\"ok\":true}"},
        {"status", "{\"ok\":true,\"ok\":false}"},
        {"status", "{\"ok\":false}"},
        {"status", "{\"ok\":false,\"error\":7}"},
        {"status", "{\"ok\":true,\"version\":1,\"lists\":[],\"questions\":{}}"},
        {"status", "{\"ok\":true,\"version\":\"1\",\"lists\":{},\"questions\":{}}"},
        {"status", "{\"ok\":true,\"version\":\"a\\u0000b\",\"lists\":[],\"questions\":{}}"},
        {"changes", "{\"ok\":true,\"pauses\":[]}"},
    };
    static const char *const commands[] = {"cache-flush",
                                           "cache-show",
                                           "changes",
                                           "clients",
                                           "exception-add",
                                           "lists",
                                           "exception-remove",
                                           "pause",
                                           "pause-end",
                                           "reload",
                                           "status",
                                           "top",
                                           "trace",
                                           "upstreams",
                                           "why"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_null(read_reply(rows[i].command, rows[i].text));
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_null(read_reply(commands[i], "{\"ok\":true}"));
        json_t *no = read_reply(commands[i], "{\"ok\":false,\"error\":\"no\"}");
        assert_non_null(no);
        json_decref(no);
    }
}

static void nothing_in_it_drives_a_terminal(void **state)
{
    json_t *document = read_reply(
        "pause", "{\"ok\":true,\"pauses\":[\"\\u001b[31m\\n\\u0007\",{\"\\u009b\":\"\\u007f\"},"
                 "\"\\u202e\\u2028\\ud83d\\ude00\\udb40\\udc01\",1,true,null,2.5],"
                 "\"reason\":\"f\xc3\xbcr B\xc3\xbc"
                 "cher \\\\\"}");

    (void)state;
    assert_non_null(document);
    char *text = json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER);
    assert_string_equal(
        text, "{\"ok\":true,\"pauses\":[\"\\\\u001b[31m\\\\u000a\\\\u0007\","
              "{\"\\\\u009b\":\"\\\\u007f\"},\"\\\\u202e\\\\u2028\xf0\x9f\x98\x80\\\\ue0001\","
              "1,true,null,2.5],\"reason\":\"f\xc3\xbcr B\xc3\xbc"
              "cher \\\\\"}");
    free(text);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_cordond_says_is_refused),
        cmocka_unit_test(nothing_in_it_drives_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
