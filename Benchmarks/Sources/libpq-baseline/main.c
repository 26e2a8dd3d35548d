// What a careful user of libpq writes in C, for comparison: blocking calls, binary parameters and results.
//
// libpq-baseline guarded-update CONNINFO SQL COUNT BASE
// libpq-baseline pipeline       CONNINFO SQL COUNT BASE BATCH
// libpq-baseline fetch          CONNINFO SQL
// libpq-baseline connect        CONNINFO SQL COUNT
//
// Prints what the work itself took: "elapsed_ns cpu_ns median_ns p99_ns count". Generations count up from BASE.
#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

static void die(PGconn *connection, const char *what) {
    fprintf(stderr, "libpq-baseline: %s: %s", what, PQerrorMessage(connection));
    exit(1);
}

static PGconn *open_connection(const char *conninfo) {
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) != CONNECTION_OK) die(connection, "cannot connect");
    return connection;
}

// The parameters of a guarded update, in the order of the statement.
struct update {
    const char *values[5];
    int lengths[5];
    int64_t generation, time;
};
static const int binary[5] = {1, 1, 1, 1, 1};

static PGresult *ids;
static int id_count;

static void load_ids(PGconn *connection) {
    ids = PQexecParams(connection, "SELECT id FROM vmm WHERE time_deleted IS NULL ORDER BY id", 0, NULL, NULL, NULL,
                       NULL, 1);
    if (PQresultStatus(ids) != PGRES_TUPLES_OK) die(connection, "cannot read the identifiers");
    id_count = PQntuples(ids);
    if (id_count == 0) die(connection, "no rows");
}

// A prime stride: neighbours in time are no neighbours in the table.
static void fill(struct update *update, int64_t number, int64_t base) {
    const char *state = number % 2 ? "running" : "stopping";
    update->generation = (int64_t)htobe64((uint64_t)(base + number));
    update->time = (int64_t)htobe64((uint64_t)(800000000000000 + number));
    update->values[0] = PQgetvalue(ids, (int)(number * 7919 % id_count), 0);
    update->values[1] = state;
    update->values[2] = NULL;
    update->values[3] = (const char *)&update->generation;
    update->values[4] = (const char *)&update->time;
    update->lengths[0] = 16;
    update->lengths[1] = (int)strlen(state);
    update->lengths[2] = 0;
    update->lengths[3] = update->lengths[4] = 8;
}

static void expect_written(PGconn *connection, const PGresult *result) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 || PQgetvalue(result, 0, 0)[0] != 1)
        die(connection, "an update was not written");
}

static void prepare(PGconn *connection, const char *sql) {
    const Oid types[5] = {2950, 0, 0, 20, 1184};
    PGresult *result = PQprepare(connection, "update", sql, 5, types);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) die(connection, "cannot prepare");
    PQclear(result);
}

static int by_value(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void report(uint64_t start, uint64_t cpu, uint64_t *samples, int count, long work) {
    uint64_t elapsed = now_ns() - start, used = cpu_ns() - cpu, median = 0, late = 0;
    if (count > 0) {
        qsort(samples, (size_t)count, sizeof *samples, by_value);
        median = samples[count / 2];
        late = samples[(int)((double)count * 0.99)];
    }
    printf("%lu %lu %lu %lu %ld\n", elapsed, used, median, late, work);
}

static void guarded_update(PGconn *connection, const char *sql, int count, int64_t base) {
    load_ids(connection);
    prepare(connection, sql);
    uint64_t *samples = calloc((size_t)count, sizeof *samples), start = now_ns(), cpu = cpu_ns();
    for (int number = 0; number < count; number++) {
        uint64_t begin = now_ns();
        struct update update;
        fill(&update, number, base);
        PGresult *result = PQexecPrepared(connection, "update", 5, update.values, update.lengths, binary, 1);
        expect_written(connection, result);
        PQclear(result);
        samples[number] = now_ns() - begin;
    }
    report(start, cpu, samples, count, count);
}

// Batches small enough for the socket's buffers: written first, read then.
static void pipeline(PGconn *connection, const char *sql, int count, int64_t base, int batch) {
    load_ids(connection);
    prepare(connection, sql);
    if (!PQenterPipelineMode(connection)) die(connection, "no pipeline");
    uint64_t start = now_ns(), cpu = cpu_ns();
    for (int first = 0; first < count; first += batch) {
        for (int number = first; number < first + batch; number++) {
            struct update update;
            fill(&update, number, base);
            if (!PQsendQueryPrepared(connection, "update", 5, update.values, update.lengths, binary, 1))
                die(connection, "cannot send");
        }
        if (!PQpipelineSync(connection)) die(connection, "cannot sync");
        for (int number = 0; number < batch; number++) {
            PGresult *result = PQgetResult(connection);
            expect_written(connection, result);
            PQclear(result);
            if (PQgetResult(connection) != NULL) die(connection, "more than one result");
        }
        PGresult *sync = PQgetResult(connection);
        if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC) die(connection, "no sync");
        PQclear(sync);
    }
    report(start, cpu, NULL, 0, count);
}

static void fetch(PGconn *connection, const char *sql) {
    uint64_t start = now_ns(), cpu = cpu_ns();
    PGresult *result = PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) die(connection, "cannot fetch");
    report(start, cpu, NULL, 0, PQntuples(result));
    PQclear(result);
}

static void connect_and_close(const char *conninfo, const char *sql, int count) {
    uint64_t *samples = calloc((size_t)count, sizeof *samples), start = now_ns(), cpu = cpu_ns();
    for (int number = 0; number < count; number++) {
        uint64_t begin = now_ns();
        PGconn *connection = open_connection(conninfo);
        PGresult *result = PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL, 1);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) die(connection, "cannot query");
        PQclear(result);
        PQfinish(connection);
        samples[number] = now_ns() - begin;
    }
    report(start, cpu, samples, count, count);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: libpq-baseline NAME CONNINFO SQL [COUNT [BASE [BATCH]]]\n");
        return 64;
    }
    const char *name = argv[1], *sql = argv[3];
    int count = argc > 4 ? atoi(argv[4]) : 0, batch = argc > 6 ? atoi(argv[6]) : 100;
    int64_t base = argc > 5 ? atoll(argv[5]) : 0;
    if (strcmp(name, "connect") == 0) {
        connect_and_close(argv[2], sql, count);
        return 0;
    }
    PGconn *connection = open_connection(argv[2]);
    if (strcmp(name, "guarded-update") == 0) guarded_update(connection, sql, count, base);
    else if (strcmp(name, "pipeline") == 0) pipeline(connection, sql, count, base, batch);
    else if (strcmp(name, "fetch") == 0) fetch(connection, sql);
    else die(connection, "unknown name");
    PQfinish(connection);
    return 0;
}
