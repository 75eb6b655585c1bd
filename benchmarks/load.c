/* The load generator: one thread, epoll, everything that is sent is ready before the clock starts.

   load PORT PLAN OUT CONNECTIONS RATE LIMIT_SECONDS
   PLAN: for each request its length (uint32, host order) and its bytes.
   OUT:  for each request {double scheduled, started, acked; int32 status, tries}, in seconds of CLOCK_MONOTONIC.
   RATE 0 is a closed loop: each connection sends its next request when it has its answer. Otherwise an open loop:
   request i is due at start + i / RATE, whoever is still busy. No answer, and any other than 200, is delivered
   again after 100 ms, as Meta would; after LIMIT_SECONDS nothing new is begun. status 0: never begun. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536
#define AGAIN_SECONDS 0.1

typedef struct { double scheduled, started, acked; int32_t status, tries; } Outcome;
typedef struct { int fd, number, request, connecting; size_t sent, held; char answer[BUFFER]; } Connection;

static char **requests;
static uint32_t *lengths;
static Outcome *outcomes;
static int count, next_new, finished, epoll_fd, port;
static int *again;          /* ring of requests to deliver again */
static double *again_at;
static int again_head, again_tail;
static double begin_at, rate, stop_at;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) { perror(what); exit(1); }

static double due_at(int i) { return rate > 0 ? begin_at + i / rate : begin_at; }

/* The next request to send now, or -1. */
static int take(double at) {
    if (again_head != again_tail && again_at[again_head % count] <= at) return again[again_head++ % count];
    if (next_new < count && due_at(next_new) <= at && at < stop_at) return next_new++;
    return -1;
}

static void watch(Connection *c, uint32_t events, int operation) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &e)) die("epoll_ctl");
}

static void hang_up(Connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static void deliver_again(Connection *c, double at) {
    if (at > stop_at) { finished++; c->request = -1; hang_up(c); return; }
    again[again_tail % count] = c->request;
    again_at[again_tail++ % count] = at + AGAIN_SECONDS;
    c->request = -1;
    hang_up(c);
}

static void push(Connection *c) {
    while (c->sent < lengths[c->request]) {
        ssize_t n = send(c->fd, requests[c->request] + c->sent, lengths[c->request] - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) { watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD); return; }
        if (n < 0) { deliver_again(c, now()); return; }
        c->sent += n;
    }
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void start(Connection *c, int request, double at) {
    Outcome *o = &outcomes[request];
    if (!o->tries++) { o->started = at; o->scheduled = rate > 0 ? due_at(request) : at; }
    c->request = request;
    c->sent = c->held = 0;
    c->connecting = 0;
    if (c->fd >= 0) { push(c); return; }
    int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->connecting = 1;
    if (connect(c->fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) { deliver_again(c, at); return; }
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

/* Whether the whole answer is here; what has no length ends with the connection. */
static int is_whole(Connection *c, int closed) {
    c->answer[c->held] = 0;
    char *body = strstr(c->answer, "\r\n\r\n");
    if (!body) return 0;
    body += 4;
    char *length = strcasestr(c->answer, "\r\ncontent-length:");
    if (length && length < body) return c->held - (body - c->answer) >= (size_t)atol(length + 17);
    if (strcasestr(c->answer, "chunked")) return strstr(body - 2, "0\r\n\r\n") != NULL;
    return closed || !strncmp(c->answer + 9, "204", 3);
}

static void receive(Connection *c) {
    for (;;) {
        ssize_t n = recv(c->fd, c->answer + c->held, BUFFER - 1 - c->held, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n > 0) c->held += n;
        if (c->request < 0) { if (n <= 0) hang_up(c); return; }
        if (is_whole(c, n <= 0)) break;
        if (n <= 0) { deliver_again(c, now()); return; }
    }
    double at = now();
    Outcome *o = &outcomes[c->request];
    o->status = atoi(c->answer + 9);
    if (o->status != 200) { deliver_again(c, at); return; }
    o->acked = at;
    finished++;
    c->request = -1;
    if (strcasestr(c->answer, "connection: close")) hang_up(c);
}

static void read_plan(const char *path) {
    FILE *f = fopen(path, "rb");
    struct stat s;
    if (!f || stat(path, &s)) die(path);
    char *all = malloc(s.st_size);
    if (fread(all, 1, s.st_size, f) != (size_t)s.st_size) die(path);
    fclose(f);
    for (off_t at = 0; at < s.st_size; at += 4 + *(uint32_t *)(all + at)) count++;
    requests = malloc(count * sizeof *requests);
    lengths = malloc(count * sizeof *lengths);
    off_t at = 0;
    for (int i = 0; i < count; i++) {
        memcpy(&lengths[i], all + at, 4);
        requests[i] = all + at + 4;
        at += 4 + lengths[i];
    }
    outcomes = calloc(count, sizeof *outcomes);
    again = malloc(count * sizeof *again);
    again_at = malloc(count * sizeof *again_at);
}

int main(int argc, char **argv) {
    if (argc != 7) { fprintf(stderr, "usage: load PORT PLAN OUT CONNECTIONS RATE LIMIT_SECONDS\n"); return 2; }
    port = atoi(argv[1]);
    read_plan(argv[2]);
    int connections = atoi(argv[4]);
    rate = atof(argv[5]);
    Connection *all = calloc(connections, sizeof *all);
    for (int i = 0; i < connections; i++) all[i] = (Connection){.fd = -1, .number = i, .request = -1};
    epoll_fd = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &e);
    begin_at = now() + 0.05;
    stop_at = begin_at + atof(argv[6]);
    while (finished < count) {
        double at = now();
        if (at > stop_at && finished >= next_new) break;
        if (at > stop_at + 30) break;
        for (int i = 0, request; i < connections; i++)
            if (all[i].request < 0) {
                if ((request = take(at)) < 0) break;
                start(&all[i], request, at);
            }
        double wake = at + 0.05;
        if (next_new < count && due_at(next_new) < wake) wake = due_at(next_new);
        if (wake > at) {
            struct itimerspec t = {.it_value = {(time_t)wake, (long)((wake - (time_t)wake) * 1e9)}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
        }
        int n = epoll_wait(epoll_fd, ready, 256, 50);
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (!c) { uint64_t ticks; if (read(timer, &ticks, 8) < 0 && errno != EAGAIN) die("timer"); continue; }
            if (c->fd < 0) continue;
            if (c->connecting) {
                int error = 0;
                socklen_t size = sizeof error;
                getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
                if (error) { deliver_again(c, now()); continue; }
                c->connecting = 0;
                push(c);
            } else if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                receive(c);
            } else if (c->request >= 0) {
                push(c);
            }
        }
    }
    double end = now();
    FILE *out = fopen(argv[3], "wb");
    if (!out || fwrite(outcomes, sizeof *outcomes, count, out) != (size_t)count) die(argv[3]);
    fclose(out);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%.4f %.4f\n", end - begin_at, use.ru_utime.tv_sec + use.ru_stime.tv_sec +
           (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    return 0;
}
