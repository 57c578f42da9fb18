#include "cli/options.h"

#include "base/invariant.h"
#include "cli/cli.h"

#include <stdio.h>

#define FIRST_VALUE 256 /* beyond every letter */

int cli_options(int argc, char **argv, const char *command, const char *help,
                const struct cli_option *options, size_t count)
{
    struct option known[CLI_OPTIONS_MAX + 2] = {{NULL, 0, NULL, 0}};
    char letters[2 * CLI_OPTIONS_MAX + 2];
    size_t letters_len = 0;
    int value;

    invariant(count <= CLI_OPTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        const bool takes_word = options[i].word != NULL;

        invariant(takes_word != (options[i].flag != NULL));
        known[i] =
            (struct option){options[i].name, takes_word ? required_argument : no_argument, NULL,
                            FIRST_VALUE + (int)i};
        if (options[i].letter != 0) {
            letters[letters_len++] = options[i].letter;
            if (takes_word) {
                letters[letters_len++] = ':';
            }
        }
    }
    known[count] = (struct option){"help", no_argument, NULL, 'h'};
    letters[letters_len++] = 'h';
    letters[letters_len] = '\0';

    while ((value = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        size_t i = 0;

        if (value == 'h') {
            fputs(help, stdout);
            return CLI_OK;
        }
        while (i < count && value != FIRST_VALUE + (int)i && value != options[i].letter) {
            i++;
        }
        if (i == count) {
            return cli_usage(command, "wrong option");
        }
        if (options[i].word != NULL) {
            *options[i].word = optarg;
        } else {
            *options[i].flag = true;
        }
    }
    return CLI_GO_ON;
}

int cli_words(int argc, char **argv, const char *command, const char **words, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        words[i] = optind < argc ? argv[optind++] : NULL;
    }
    return optind == argc ? CLI_GO_ON
                          : cli_usage(command, "'%s' is one word too many", argv[optind]);
}
