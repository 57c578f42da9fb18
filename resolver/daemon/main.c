/* cordond(8): the command line. */
#include "base/log.h"
#include "base/random.h"
#include "config/defaults.h"
#include "daemon/daemon.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static const char help[] =
    "usage: cordond [-c FILE] [--check | --replace]\n"
    "\n"
    "A DNS resolver that forwards questions and blocks those that signed lists name. It stays "
    "in\n"
    "the foreground; SIGHUP loads configuration and lists anew, SIGTERM or SIGINT stops it.\n"
    "\n"
    "  -c, --config FILE  the configuration (default " CONFIG_FILE_DEFAULT ")\n"
    "      --check        read configuration and lists, say what would run, and end\n"
    "      --replace      take the place of the cordond that runs, without a lost question\n"
    "      --version      print the version and end\n"
    "  -h, --help         print this and end\n"
    "\n"
    "Exit status: 0 stopped by a signal or replaced, or the check found no fault; 1 it cannot "
    "start\n"
    "(configuration, lists, ports, rights: standard error says why); 2 wrong usage.\n"
    "See cordond(8) and cordon.yaml(5).\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"replace", no_argument, NULL, 'r'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const char *config = CONFIG_FILE_DEFAULT;
    bool check = false;
    bool replace = false;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'r':
            replace = true;
            break;
        case 'V':
            puts("cordond " CORDON_VERSION);
            return DAEMON_EXIT_CLEAN;
        case 'h':
            fputs(help, stdout);
            return DAEMON_EXIT_CLEAN;
        default: /* getopt has said what is wrong */
            fputs("`cordond --help` shows how it is used.\n", stderr);
            return DAEMON_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "cordond: '%s' is not understood\n", argv[optind]);
        fputs("`cordond --help` shows how it is used.\n", stderr);
        return DAEMON_EXIT_USAGE;
    }
    if (random_library_init() != 0) {
        log_write(LOG_LEVEL_ERROR, "the system gives no random numbers");
        return DAEMON_EXIT_START;
    }
    return check ? daemon_check(config) : daemon_run(config, replace);
}
