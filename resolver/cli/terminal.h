/*
 * cli/terminal.h - a screen that is drawn anew every few seconds, and left as it was found.
 *
 * Plain ANSI escape sequences (ECMA-48) that every terminal of the last decades knows: the
 * other screen, no cursor. Signals are read, not caught, so that whatever ends the program by
 * its own will first gives the terminal back; ^Z does so, too, and `fg` draws again.
 */
#ifndef CORDON_CLI_TERMINAL_H
#define CORDON_CLI_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
    int signals;
    bool keys; /* standard input is a terminal, and is read key by key */
    struct termios before;
    sigset_t mask_before;
};

enum terminal_event {
    TERMINAL_TIME, /* it is late enough */
    TERMINAL_DRAW, /* the size has changed, or somebody wants to see it now */
    TERMINAL_QUIT
};

/* 0 or -errno. Standard output must be a terminal. */
int terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal);

void terminal_size(unsigned *columns, unsigned *rows);

/* Draws lines, each ended by a newline, from the top; there are at most as many as rows. The
 * text has no control characters but newlines. False: the terminal is gone. */
bool terminal_draw(const char *lines);

/* Until then (monotonic microseconds), or until something happens. */
enum terminal_event terminal_wait(struct terminal *terminal, uint64_t until_us);

#endif
