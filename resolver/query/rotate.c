/*
 * Which of several addresses comes first: chance says so for each answer. A number that counts
 * up would have names that are asked for in turns meet the same place each time.
 */
#include "wire/rotate.h"
#include "query/engine.h"

void query_rotate(struct query_engine *engine, const struct query *q,
                  const struct wire_writer *writer)
{
    const size_t body = WIRE_HEADER_OCTETS + (size_t)q->question.raw_len;
    struct wire_run run;

    if (writer->counts[WIRE_ANSWER] < 2 || writer->overflow ||
        !wire_run_find(writer->octets, writer->len, body, writer->counts[WIRE_ANSWER], &run)) {
        return;
    }
    wire_run_turn(writer->octets, &run, random_below(engine->random, run.count));
}
