/*
 * cli/exception.h - the verbs of `cordon exception` that are about files.
 */
#ifndef CORDON_CLI_EXCEPTION_H
#define CORDON_CLI_EXCEPTION_H

int cli_exception_check(int argc, char **argv);
int cli_exception_sign(int argc, char **argv);

#endif
