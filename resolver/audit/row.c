#include "audit/row.h"

#include "audit/varint.h"
#include "base/invariant.h"

#include <string.h>

struct column {
    const char *word;
    enum audit_column_kind kind;
};

static const struct column columns[AUDIT_COLUMN_END] = {
#define AUDIT_COLUMN_ROW(name, number, kind, word) [number] = {word, kind},
    AUDIT_COLUMNS(AUDIT_COLUMN_ROW)
#undef AUDIT_COLUMN_ROW
};

int audit_column_kind(unsigned column)
{
    return column < AUDIT_COLUMN_END && columns[column].word != NULL ? (int)columns[column].kind
                                                                     : -1;
}

const char *audit_column_word(unsigned column)
{
    return column < AUDIT_COLUMN_END ? columns[column].word : NULL;
}

const char *audit_stream_word(unsigned stream)
{
    static const char *const words[] = {
        [AUDIT_DECISIONS] = "decisions",
        [AUDIT_QUERIES] = "queries",
        [AUDIT_CHANGES] = "changes",
    };

    return stream >= 1 && stream <= AUDIT_STREAMS ? words[stream] : NULL;
}

/* The columns of a kind, a bit each. */
#define KIND_BIT(name, number, kind, word) \
    | ((kind) == AUDIT_OCTETS ? UINT64_C(1) << (number) : 0)
#define COLUMN_BIT(name, number, kind, word) | UINT64_C(1) << (number)
static const uint64_t texts = 0 AUDIT_COLUMNS(KIND_BIT);
static const uint64_t known = 0 AUDIT_COLUMNS(COLUMN_BIT);
#undef KIND_BIT
#undef COLUMN_BIT

bool audit_row_measure(const struct audit_row *row, uint64_t which, size_t *octets)
{
    uint64_t numbers = 0;
    size_t sum = 0;

    if ((which & ~known) != 0) {
        return false;
    }
    for (uint64_t rest = which; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);
        const uint64_t number = row->at[column].number;

        sum += 2u + AUDIT_VARINT_MAX;
        if ((texts >> column & 1) == 0) {
            numbers |= number;
        } else if (number > AUDIT_TEXT_MAX) {
            return false;
        } else {
            sum += number;
        }
    }
    *octets = sum;
    return numbers >> 63 == 0 && sum <= AUDIT_EVENT_MAX;
}

bool audit_row_is_writable(const struct audit_row *row)
{
    size_t octets = 0;

    return audit_row_has(row, AUDIT_TIME) && audit_row_measure(row, row->present, &octets);
}

bool audit_row_equal(const struct audit_row *a, const struct audit_row *b)
{
    if (a->present != b->present) {
        return false;
    }
    for (uint64_t rest = a->present; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);
        const struct audit_value *x = &a->at[column];
        const struct audit_value *y = &b->at[column];

        if (x->number != y->number || (x->octets == NULL) != (y->octets == NULL) ||
            (x->octets != NULL && memcmp(x->octets, y->octets, x->number) != 0)) {
            return false;
        }
    }
    return true;
}

_Static_assert(2 * AUDIT_COLUMN_END <= 0x80, "number and kind of a column have one octet");

size_t audit_row_encode(const struct audit_row *row, uint8_t *out)
{
    uint8_t *at = out;

    for (uint64_t rest = row->present; rest != 0; rest &= rest - 1) {
        at = audit_row_encode_one(row, (unsigned)__builtin_ctzll(rest), at);
    }
    return (size_t)(at - out);
}

bool audit_row_decode(const uint8_t *octets, size_t len, struct audit_row *row)
{
    const uint8_t *at = octets;
    const uint8_t *const end = octets + len;
    uint64_t before = 0;

    row->present = 0;
    while (at < end) {
        uint64_t tag = 0;
        uint64_t number = 0;

        if (!audit_varint_get(&at, end, &tag) || !audit_varint_get(&at, end, &number)) {
            return false;
        }
        const uint64_t column = tag / 2;
        const int kind = column < AUDIT_COLUMN_END ? audit_column_kind((unsigned)column) : -1;
        if (column <= before || column >= AUDIT_COLUMN_END || number >> 63 != 0 ||
            (kind >= 0 && kind != (int)(tag & 1))) {
            return false;
        }
        before = column;
        row->present |= UINT64_C(1) << column;
        row->at[column] = (struct audit_value){.number = number};
        if ((tag & 1) != 0) {
            if (number > (uint64_t)(end - at)) {
                return false;
            }
            row->at[column].octets = at;
            at += number;
        }
    }
    return audit_row_has(row, AUDIT_TIME);
}

size_t audit_address_put(const struct address *address, bool with_port,
                         uint8_t out[AUDIT_ADDRESS_MAX])
{
    const size_t octets = address_octets(address);
    size_t len = 1 + octets;

    invariant(address->family == ADDRESS_V4 || address->family == ADDRESS_V6);
    out[0] = address->family;
    if (address->family == ADDRESS_V4) { /* so many octets each: no call */
        memcpy(out + 1, address->octets, 4);
    } else {
        memcpy(out + 1, address->octets, 16);
    }
    if (with_port || address->scope != 0) {
        out[len++] = (uint8_t)(address->port >> 8);
        out[len++] = (uint8_t)address->port;
    }
    if (address->scope != 0) {
        for (unsigned i = 0; i < 4; i++) {
            out[len++] = (uint8_t)(address->scope >> (24 - 8 * i));
        }
    }
    return len;
}

bool audit_address_get(const uint8_t *octets, size_t len, struct address *out)
{
    struct address address = {0};

    if (len == 0 || (octets[0] != ADDRESS_V4 && octets[0] != ADDRESS_V6)) {
        return false;
    }
    address.family = octets[0];
    const size_t size = address_octets(&address);
    const size_t rest = len - 1 - size;
    if (len < 1 + size || (rest != 0 && rest != 2 && rest != 6)) {
        return false;
    }
    memcpy(address.octets, octets + 1, size);
    if (rest >= 2) {
        address.port = (uint16_t)(octets[1 + size] << 8 | octets[2 + size]);
    }
    for (size_t i = 0; rest == 6 && i < 4; i++) {
        address.scope = address.scope << 8 | octets[3 + size + i];
    }
    *out = address;
    return true;
}

size_t audit_client_put(const struct audit_client *client, uint8_t out[AUDIT_ADDRESS_MAX])
{
    switch (client->kind) {
    case AUDIT_CLIENT_NONE:
        return 0;
    case AUDIT_CLIENT_ADDRESS:
        return audit_address_put(&client->address, false, out);
    case AUDIT_CLIENT_PREFIX: {
        const size_t octets = (client->prefix.bits + 7u) / 8u;

        out[0] = 'p';
        out[1] = client->prefix.family;
        out[2] = client->prefix.bits;
        memcpy(out + 3, client->prefix.octets, octets);
        return 3 + octets;
    }
    case AUDIT_CLIENT_PSEUDONYM:
        out[0] = 'k';
        for (unsigned i = 0; i < 4; i++) {
            out[1 + i] = (uint8_t)(client->day >> (24 - 8 * i));
        }
        memcpy(out + 5, client->pseudonym, AUDIT_PSEUDONYM_OCTETS);
        return 5 + AUDIT_PSEUDONYM_OCTETS;
    }
    return 0;
}

bool audit_client_get(const uint8_t *octets, size_t len, struct audit_client *out)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_NONE};

    if (len >= 3 && octets[0] == 'p') {
        const unsigned most = octets[1] == ADDRESS_V4 ? 32 : 128;

        client.kind = AUDIT_CLIENT_PREFIX;
        client.prefix.family = octets[1];
        client.prefix.bits = octets[2];
        if ((octets[1] != ADDRESS_V4 && octets[1] != ADDRESS_V6) || octets[2] > most ||
            len != 3 + (octets[2] + 7u) / 8u) {
            return false;
        }
        memcpy(client.prefix.octets, octets + 3, len - 3);
    } else if (len == 5 + AUDIT_PSEUDONYM_OCTETS && octets[0] == 'k') {
        client.kind = AUDIT_CLIENT_PSEUDONYM;
        for (size_t i = 1; i < 5; i++) {
            client.day = client.day << 8 | octets[i];
        }
        memcpy(client.pseudonym, octets + 5, AUDIT_PSEUDONYM_OCTETS);
    } else if (len > 0) {
        client.kind = AUDIT_CLIENT_ADDRESS;
        if (!audit_address_get(octets, len, &client.address)) {
            return false;
        }
    }
    *out = client;
    return true;
}

size_t audit_basis_put(const struct audit_basis *basis, uint8_t *out, size_t size)
{
    const char *const words[AUDIT_BASIS_TEXTS] = {
        basis->list,
        basis->provider,
        basis->provider_name,
        basis->parent_name,
        basis->status_class,
        basis->status_entity,
        basis->status_authority,
        basis->status_citation,
        basis->status_effective,
        basis->status_state,
        basis->status_checked,
    };
    uint8_t number[AUDIT_VARINT_MAX];
    size_t len = audit_varint_put(number, basis->serial);

    if (len > size) {
        return 0;
    }
    memcpy(out, number, len);
    for (size_t i = 0; i < AUDIT_BASIS_TEXTS; i++) {
        const size_t octets = words[i] != NULL ? strlen(words[i]) : 0;
        const size_t head = audit_varint_put(number, words[i] != NULL ? octets + 1 : 0);

        if (head + octets > size - len) {
            return 0;
        }
        memcpy(out + len, number, head);
        if (octets > 0) {
            memcpy(out + len + head, words[i], octets);
        }
        len += head + octets;
    }
    return len;
}

bool audit_basis_get(const uint8_t *octets, size_t len, struct audit_basis_view *out)
{
    const uint8_t *at = octets;
    const uint8_t *const end = octets + len;

    if (!audit_varint_get(&at, end, &out->serial)) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_BASIS_TEXTS; i++) {
        uint64_t head = 0;

        if (!audit_varint_get(&at, end, &head) || (head > 0 && head - 1 > (size_t)(end - at))) {
            return false;
        }
        out->word[i] = (struct audit_value){head > 0 ? at : NULL, head > 0 ? head - 1 : 0};
        at += out->word[i].number;
    }
    return at == end;
}

bool audit_name_get(const uint8_t *octets, size_t len, struct wire_name *out)
{
    size_t pos = 0;

    /* A pointer can only lead backwards, and there is nothing behind a name that stands first;
     * but lower case is asked for, too. */
    return wire_name_read(octets, len, &pos, out) == WIRE_OK && pos == len && out->len == len &&
           memcmp(out->octets, octets, len) == 0;
}
