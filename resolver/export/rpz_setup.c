/* Pieces of configuration that name all zones of an export, for the programs that read them. */
#include "export/rpz.h"

#include <inttypes.h>

/* A string in double quotes of C or Lua. Lists have no control characters. */
static void quote(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void bind_options(FILE *out, const struct export_set *set,
                         const struct export_rpz_entry *entries, size_t count)
{
    export_head(out, set, NULL, "//",
                "BIND: include it within options { }; and bind-zones.conf");
    fputs("// Names are decided before anybody is asked for them; answers with signatures are\n"
          "// replaced too. From 9.20 on, `ede censored` or `ede blocked` may follow a zone.\n"
          "response-policy {\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  zone \"%s\";\n", entries[i].zone);
    }
    fputs("} qname-wait-recurse no break-dnssec yes;\n", out);
}

static void bind_zones(FILE *out, const struct export_set *set,
                       const struct export_rpz_entry *entries, size_t count)
{
    export_head(out, set, NULL, "//", "BIND: include it beside options { };");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "zone \"%s\" { type primary; allow-query { none; }; file ",
                entries[i].zone);
        quote(out, entries[i].path);
        fputs("; };\n", out);
    }
}

static void unbound(FILE *out, const struct export_set *set,
                    const struct export_rpz_entry *entries, size_t count)
{
    export_head(out, set, NULL, "#",
                "Unbound: include it; module-config begins with respip, \"respip validator "
                "iterator\"");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "rpz:\n  name: \"%s.\"\n  zonefile: ", entries[i].zone);
        quote(out, entries[i].path);
        fprintf(out, "\n  rpz-log: yes\n  rpz-log-name: \"%s\"\n", entries[i].list->id);
    }
}

static void recursor(FILE *out, const struct export_set *set,
                     const struct export_rpz_entry *entries, size_t count)
{
    char basis[768];

    export_head(out, set, NULL, "--", "PowerDNS Recursor: dofile() it in lua-config-file");
    for (size_t i = 0; i < count; i++) {
        const bool by_law = entries[i].list->legal_requirement[0] != '\0';

        fputs("rpzFile(", out);
        quote(out, entries[i].path);
        fputs(", {policyName=", out);
        quote(out, entries[i].zone);
        /* RFC 8914: 16 Censored where a law requires it, 15 Blocked otherwise. */
        fprintf(out, ", extendedErrorCode=%d, extendedErrorExtra=", by_law ? 16 : 15);
        export_basis(entries[i].list, basis, sizeof(basis));
        quote(out, basis);
        fputs("})\n", out);
    }
}

static void kresd(FILE *out, const struct export_set *set,
                  const struct export_rpz_entry *entries, size_t count)
{
    export_head(out, set, NULL, "--",
                "Knot Resolver: dofile() it before policies that forward");
    fputs("-- It looks at the names that are asked, and leaves out redirects, with a warning. "
          "With\n"
          "-- lua-cqueues it reads a zone anew when it changes.\n"
          "-- What is let through goes on to later policies: PASS would end them, and "
          "forwarding.\n"
          "local function zone(path)\n"
          "  local rule = policy.rpz(policy.DENY, path)\n"
          "  return function(state, query)\n"
          "    local action = rule(state, query)\n"
          "    if action ~= policy.PASS then return action end\n"
          "  end\n"
          "end\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fputs("policy.add(zone(", out);
        quote(out, entries[i].path);
        fputs("))\n", out);
    }
}

static void knot(FILE *out, const struct export_set *set,
                 const struct export_rpz_entry *entries, size_t count)
{
    export_head(out, set, NULL, "#", "Knot DNS: deploy/exports/knot.conf includes it");
    fputs("zone:\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out,
                "  - domain: \"%s.\"\n    template: cordon-rpz\n    file: ", entries[i].zone);
        quote(out, entries[i].path);
        fputc('\n', out);
    }
}

static const struct export_rpz_setup setups[] = {
    {"bind-options.conf", bind_options},
    {"bind-zones.conf", bind_zones},
    {"unbound.conf", unbound},
    {"recursor.lua", recursor},
    {"kresd.lua", kresd},
    {"knot.conf", knot},
};

const struct export_rpz_setup *export_rpz_setup_at(size_t index)
{
    return index < sizeof(setups) / sizeof(setups[0]) ? &setups[index] : NULL;
}
