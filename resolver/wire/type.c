#include "wire/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct number_name {
    uint16_t number;
    const char *name;
};

/* IANA, "Resource Record (RR) TYPEs". */
static const struct number_name types[] = {
    {1, "A"},           {2, "NS"},         {3, "MD"},          {4, "MF"},
    {5, "CNAME"},       {6, "SOA"},        {7, "MB"},          {8, "MG"},
    {9, "MR"},          {10, "NULL"},      {11, "WKS"},        {12, "PTR"},
    {13, "HINFO"},      {14, "MINFO"},     {15, "MX"},         {16, "TXT"},
    {17, "RP"},         {18, "AFSDB"},     {19, "X25"},        {20, "ISDN"},
    {21, "RT"},         {22, "NSAP"},      {23, "NSAP-PTR"},   {24, "SIG"},
    {25, "KEY"},        {26, "PX"},        {27, "GPOS"},       {28, "AAAA"},
    {29, "LOC"},        {30, "NXT"},       {33, "SRV"},        {35, "NAPTR"},
    {36, "KX"},         {37, "CERT"},      {38, "A6"},         {39, "DNAME"},
    {41, "OPT"},        {42, "APL"},       {43, "DS"},         {44, "SSHFP"},
    {45, "IPSECKEY"},   {46, "RRSIG"},     {47, "NSEC"},       {48, "DNSKEY"},
    {49, "DHCID"},      {50, "NSEC3"},     {51, "NSEC3PARAM"}, {52, "TLSA"},
    {53, "SMIMEA"},     {55, "HIP"},       {59, "CDS"},        {60, "CDNSKEY"},
    {61, "OPENPGPKEY"}, {62, "CSYNC"},     {63, "ZONEMD"},     {64, "SVCB"},
    {65, "HTTPS"},      {99, "SPF"},       {104, "NID"},       {105, "L32"},
    {106, "L64"},       {107, "LP"},       {108, "EUI48"},     {109, "EUI64"},
    {249, "TKEY"},      {250, "TSIG"},     {251, "IXFR"},      {252, "AXFR"},
    {253, "MAILB"},     {254, "MAILA"},    {255, "ANY"},       {256, "URI"},
    {257, "CAA"},       {260, "AMTRELAY"}, {261, "RESINFO"},   {32769, "DLV"},
};

/* IANA, "DNS RCODEs". */
static const struct number_name rcodes[] = {
    {0, "NOERROR"},  {1, "FORMERR"},    {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"},   {7, "YXRRSET"},  {8, "NXRRSET"},   {9, "NOTAUTH"},
    {10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},
    {19, "BADMODE"}, {20, "BADNAME"},   {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
};

/* IANA, "Extended DNS Error Codes". */
static const char *const errors[] = {
    "Other Error",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
    "Signature Expired before Valid",
    "Too Early",
    "Unsupported NSEC3 Iterations Value",
    "Unable to conform to policy",
    "Synthesized",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *find_name(const struct number_name *table, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].number == number) {
            return table[i].name;
        }
    }
    return NULL;
}

static size_t format(const char *name, const char *prefix, unsigned number,
                     char out[WIRE_TYPE_TEXT_MAX])
{
    if (name == NULL) {
        return (size_t)snprintf(out, WIRE_TYPE_TEXT_MAX, "%s%u", prefix, number);
    }
    const size_t len = strlen(name); /* of the tables: all of them have room */

    memcpy(out, name, len + 1);
    return len;
}

size_t wire_type_format(uint16_t type, char out[WIRE_TYPE_TEXT_MAX])
{
    return format(find_name(types, COUNT(types), type), "TYPE", type, out);
}

bool wire_type_parse(const char *text, size_t len, uint16_t *type)
{
    unsigned number = 0;

    for (size_t i = 0; i < COUNT(types); i++) {
        if (strlen(types[i].name) == len && strncasecmp(types[i].name, text, len) == 0) {
            *type = types[i].number;
            return true;
        }
    }
    if (len < 5 || len > 9 || strncasecmp(text, "TYPE", 4) != 0) {
        return false;
    }
    for (size_t i = 4; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (number > UINT16_MAX) {
        return false;
    }
    *type = (uint16_t)number;
    return true;
}

size_t wire_rcode_format(unsigned rcode, char out[WIRE_TYPE_TEXT_MAX])
{
    return format(find_name(rcodes, COUNT(rcodes), rcode), "RCODE", rcode, out);
}

const char *wire_ede_name(int code)
{
    return code >= 0 && (size_t)code < COUNT(errors) ? errors[code] : "Unassigned";
}
