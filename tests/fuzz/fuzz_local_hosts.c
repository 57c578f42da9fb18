/*
 * Feeds arbitrary octets to local_hosts_read(). It refuses nothing as a whole: what it takes is
 * found again, with its way back, and what it leaves out is said.
 */
#include "require.h"

#include "local/local.h"
#include "wire/type.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first address of a name leads back to a name, which has that address. */
static void check_way_back(const struct local_names *names, const struct local_records *records)
{
    struct address address = {.family = records->len == 4 ? ADDRESS_V4 : ADDRESS_V6};
    struct local_records back;
    struct local_records forth;
    struct wire_name reverse;
    struct wire_name name;
    size_t pos = 0;

    memcpy(address.octets, records->rdata, records->len);
    local_reverse_name(&address, &reverse);
    if (!local_names_find(names, &reverse, WIRE_PTR, &back)) {
        require(address_is_any(&address) || address_is_loopback(&address));
        return;
    }
    if (back.count == 0) {
        return; /* a line gives an address to the reverse name itself */
    }
    require(back.count == 1);
    require(wire_name_read(back.rdata, back.len, &pos, &name) == WIRE_OK && pos == back.len);
    require(local_names_find(names, &name, address.family == ADDRESS_V4 ? WIRE_A : WIRE_AAAA,
                             &forth));
    require(forth.count > 0);
}

/* Each word of the text that is a name: what the table says of it is whole. */
static void check_word(const struct local_names *names, const char *word, size_t len)
{
    static const uint16_t types[] = {WIRE_A, WIRE_AAAA, WIRE_PTR, WIRE_MX};
    struct local_records records;
    struct local_answer answer;
    struct wire_name name;

    if (wire_name_from_text(word, len, &name) != WIRE_TEXT_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        local_find(names, true, 0, &name, types[i], &answer);
        require(answer.kind != LOCAL_ZONE);
        require(answer.kind != LOCAL_DATA || answer.count > 0);
        if (local_names_find(names, &name, types[i], &records) && records.count > 0) {
            require(types[i] != WIRE_MX && records.count <= LOCAL_ADDRESSES_MAX);
            require(types[i] != WIRE_A || records.len == 4);
            require(types[i] != WIRE_AAAA || records.len == 16);
            if (types[i] != WIRE_PTR) {
                check_way_back(names, &records);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = {7};
    const char *text = (const char *)data;
    struct local_builder *builder = local_builder_create();
    struct local_names *names = NULL;
    struct report report;
    size_t at = 0;

    require(builder != NULL);
    report_init(&report);
    require(local_hosts_read(text, size, "fuzz", builder, &report) == 0);
    require(report.errors == 0);
    require(local_names_build(builder, 60, key, &report, &names) == 0);
    while (at < size) {
        const size_t start = at;

        while (at < size && strchr(" \t\r\v\f\n#", text[at]) == NULL) {
            at++;
        }
        check_word(names, text + start, at - start);
        at++;
    }
    local_names_free(names);
    local_builder_free(builder);
    report_deinit(&report);
    return 0;
}
