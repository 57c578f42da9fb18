#include "cli/terminal.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\x1b[?1049h\x1b[?25l\x1b[2J"
#define LEAVE "\x1b[?25h\x1b[?1049l"

/* Where the size cannot be had. */
#define COLUMNS_DEFAULT 80u
#define ROWS_DEFAULT    24u

static bool put(const char *text, size_t len)
{
    while (len > 0) {
        const ssize_t written = write(STDOUT_FILENO, text, len);

        if (written > 0) {
            text += written;
            len -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

            (void)poll(&out, 1, 1000);
        } else if (written == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void enter(struct terminal *terminal)
{
    if (terminal->keys) {
        struct termios raw = terminal->before;

        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    (void)put(ENTER, sizeof(ENTER) - 1);
}

static void leave(const struct terminal *terminal)
{
    (void)put(LEAVE, sizeof(LEAVE) - 1);
    if (terminal->keys) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
    }
}

int terminal_open(struct terminal *terminal)
{
    static const int read_ones[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                    SIGTSTP, SIGPIPE, SIGWINCH};
    sigset_t mask;

    memset(terminal, 0, sizeof(*terminal));
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof(read_ones) / sizeof(read_ones[0]); i++) {
        sigaddset(&mask, read_ones[i]);
    }
    if (sigprocmask(SIG_BLOCK, &mask, &terminal->mask_before) != 0) {
        return -errno;
    }
    terminal->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signals < 0) {
        const int error = errno;

        (void)sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
        return -error;
    }
    terminal->keys =
        isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
    enter(terminal);
    return 0;
}

void terminal_close(struct terminal *terminal)
{
    leave(terminal);
    close(terminal->signals);
    (void)sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
}

void terminal_size(unsigned *columns, unsigned *rows)
{
    struct winsize size = {0};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

    *columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
    *rows = known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
}

/* Each line is written over the one before and its rest erased: nothing flickers. The last line
 * has no newline, or the screen would scroll. */
bool terminal_draw(const char *lines)
{
    bool whole = put("\x1b[H", 3);

    while (*lines != '\0' && whole) {
        const char *end = strchrnul(lines, '\n');

        whole = put(lines, (size_t)(end - lines)) && put("\x1b[K", 3);
        lines = *end == '\n' ? end + 1 : end;
        if (*lines != '\0') {
            whole = whole && put("\r\n", 2);
        }
    }
    return whole && put("\x1b[J", 3);
}

static enum terminal_event on_signal(struct terminal *terminal)
{
    struct signalfd_siginfo info;

    if (read(terminal->signals, &info, sizeof(info)) != sizeof(info)) {
        return TERMINAL_DRAW;
    }
    if (info.ssi_signo == SIGTSTP) {
        leave(terminal);
        (void)raise(SIGSTOP); /* until SIGCONT */
        enter(terminal);
    }
    return info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTSTP ? TERMINAL_DRAW
                                                                   : TERMINAL_QUIT;
}

static enum terminal_event on_key(void)
{
    char key;
    const ssize_t got = read(STDIN_FILENO, &key, 1);

    if (got < 0) {
        return errno == EINTR || errno == EAGAIN ? TERMINAL_DRAW : TERMINAL_QUIT;
    }
    return got == 0 || key == 'q' || key == 'Q' || key == 4 /* ^D */ ? TERMINAL_QUIT
                                                                     : TERMINAL_DRAW;
}

enum terminal_event terminal_wait(struct terminal *terminal, uint64_t until_us)
{
    struct pollfd ready[2] = {{.fd = terminal->signals, .events = POLLIN},
                              {.fd = terminal->keys ? STDIN_FILENO : -1, .events = POLLIN}};

    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        const uint64_t left_ms = until_us > now_us ? (until_us - now_us + 999) / 1000 : 0;
        const int count = poll(ready, 2, (int)left_ms);

        if (count == 0) {
            return TERMINAL_TIME;
        }
        if (count < 0 && errno != EINTR) {
            return TERMINAL_QUIT;
        }
        if (count > 0 && ready[0].revents != 0) {
            return on_signal(terminal);
        }
        if (count > 0 && ready[1].revents != 0) {
            return on_key();
        }
    }
}
