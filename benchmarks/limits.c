/* What this machine can do at most: the numbers a lower bound is made of.
 *
 * Usage: limits THREADS. Prints one JSON object; rates are sums over all threads, each pinned
 * to its own CPU. limits.py compiles this file for the CPU it runs on and reads the output.
 *
 * Every figure is the best of many repetitions: a limit is what the machine can reach, so a
 * run that was disturbed says nothing about it.
 */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define ISA "avx512"
#define VL 8
#define SQRT(x) ((vec)_mm512_sqrt_pd((__m512d)(x)))
#elif defined(__AVX2__) && defined(__FMA__)
#define ISA "avx2"
#define VL 4
#define SQRT(x) ((vec)_mm256_sqrt_pd((__m256d)(x)))
#elif defined(__x86_64__)
#define ISA "sse2"
#define VL 2
#define SQRT(x) ((vec)_mm_sqrt_pd((__m128d)(x)))
#elif defined(__aarch64__)
#define ISA "neon"
#define VL 2
#define SQRT(x) ((vec)vsqrtq_f64((float64x2_t)(x)))
#else
#error "limits.c knows x86-64 and AArch64"
#endif

typedef double vec __attribute__((vector_size(8 * VL), may_alias));

/* Many short repetitions: on a shared machine one of them finds all its CPUs free. */
enum { REPETITIONS = 64, CHAINS = 12, MAX_THREADS = 256 };

#define FMA_ITERATIONS 400000L
#define DIVIDER_ITERATIONS 40000L
#define BARRIER_ITERATIONS 10000L
#define BYTES_MOVED                                                                            \
    ((size_t)1 << 24) /* 0.2 ms from L2; buffers beyond it are walked in slices */

/* One measured loop over a buffer of at most BYTES_MOVED bytes. Returns the work this thread
 * did: flops, parameters or bytes. */
typedef double (*kernel)(vec *buffer, size_t bytes);

static volatile double sink; /* results land here so that no loop can be removed */

/* CHAINS independent chains hide the latency (4 cycles x 2 units needs 8 of them). */
static double run_fma(vec *buffer, size_t bytes)
{
    (void)bytes;
    vec chain[CHAINS];
    for (int c = 0; c < CHAINS; c++)
        chain[c] = buffer[c];
    const vec factor = buffer[CHAINS], term = buffer[CHAINS + 1];
    for (long i = 0; i < FMA_ITERATIONS; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            chain[c] = chain[c] * factor + term; /* contracted: -ffp-contract=fast */
    }
    vec sum = chain[0];
    for (int c = 1; c < CHAINS; c++)
        sum += chain[c];
    sink = sum[0];
    return 2.0 * VL * CHAINS * FMA_ITERATIONS;
}

/* Adam's share of the divider: one square root and one division per parameter, independent.
 * The inputs change every iteration, or the compiler would take the work out of the loop. */
static double run_divider(vec *buffer, size_t bytes)
{
    (void)bytes;
    enum { GROUP = 4 };
    vec v[GROUP], sum = buffer[0];
    for (int c = 0; c < GROUP; c++)
        v[c] = buffer[c];
    const vec grow = buffer[CHAINS + 1], epsilon = buffer[CHAINS];
    for (long i = 0; i < DIVIDER_ITERATIONS; i++) {
#pragma GCC unroll 4
        for (int c = 0; c < GROUP; c++) {
            sum += epsilon / (SQRT(v[c]) + epsilon);
            v[c] += grow;
        }
    }
    sink = sum[0];
    return (double)VL * GROUP * DIVIDER_ITERATIONS;
}

/* Eight running sums: enough that the adds' latency does not hold the loads back. */
static double run_read(vec *buffer, size_t bytes)
{
    const size_t n = bytes / sizeof(vec) / 8 * 8;
    const size_t passes = BYTES_MOVED / bytes;
    vec sum[8];
    memset(sum, 0, sizeof sum);
    for (size_t p = 0; p < passes; p++) {
        for (size_t i = 0; i < n; i += 8) {
#pragma GCC unroll 8
            for (int c = 0; c < 8; c++)
                sum[c] += buffer[i + (size_t)c];
        }
        __asm__ volatile("" ::: "memory");
    }
    for (int c = 1; c < 8; c++)
        sum[0] += sum[c];
    sink = sum[0][0];
    return (double)passes * (double)(n * sizeof(vec));
}

/* First half onto second half; bytes read and bytes written are both counted. */
static double run_copy(vec *buffer, size_t bytes)
{
    const size_t n = bytes / sizeof(vec) / 8 * 4;
    const size_t passes = BYTES_MOVED / bytes;
    vec *target = buffer + n;
    for (size_t p = 0; p < passes; p++) {
        for (size_t i = 0; i < n; i += 4) {
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) {
                vec x = buffer[i + (size_t)c];
                __asm__("" : "+x"(x)); /* keeps gcc from calling memcpy instead */
                target[i + (size_t)c] = x;
            }
        }
        __asm__ volatile("" ::: "memory");
    }
    return 2.0 * (double)passes * (double)(n * sizeof(vec));
}

/* In place, as an optimizer updates its parameters: each line is read and written back. */
static double run_update(vec *buffer, size_t bytes)
{
    const size_t n = bytes / sizeof(vec) / 4 * 4;
    const size_t passes = BYTES_MOVED / bytes;
    for (size_t p = 0; p < passes; p++) {
        for (size_t i = 0; i < n; i += 4) {
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++)
                buffer[i + (size_t)c] = -buffer[i + (size_t)c];
        }
        __asm__ volatile("" ::: "memory");
    }
    return 2.0 * (double)passes * (double)(n * sizeof(vec));
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A counting barrier that spins: what a thread team pays at least to meet once. */
typedef struct {
    _Alignas(64) atomic_long arrived;
    _Alignas(64) atomic_long round;
} spin_barrier;

static void spin_wait(spin_barrier *barrier, int threads)
{
    const long round = atomic_load_explicit(&barrier->round, memory_order_acquire);
    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) == threads - 1) {
        atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&barrier->round, round + 1, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&barrier->round, memory_order_acquire) == round)
        relax();
}

typedef struct {
    int threads;
    kernel run;
    size_t bytes; /* size of each thread's buffer */
    pthread_barrier_t start;
    spin_barrier spin;
    double begin[MAX_THREADS], end[MAX_THREADS], work[MAX_THREADS];
    double best; /* work per second, all threads together */
    double barrier_seconds;
} measurement;

typedef struct {
    measurement *shared;
    int index;
} member;

static void pin_to_cpu(int index)
{
#if defined(__linux__)
    cpu_set_t allowed, mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && index-- == 0)
            CPU_SET(cpu, &mine);
    if (CPU_COUNT(&mine) == 1)
        pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
#else
    (void)index;
#endif
}

static vec *new_buffer(size_t bytes)
{
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, bytes) != 0)
        return NULL;
    double *values = memory;
    for (size_t i = 0; i < bytes / sizeof(double); i++)
        values[i] = 1.0 + 1e-9 * (double)(i % 64); /* normal numbers that stay normal */
    return memory;
}

/* Total work over the time from the first start to the last end. */
static void keep_best(measurement *shared)
{
    double first = shared->begin[0], last = shared->end[0], work = 0.0;
    for (int t = 0; t < shared->threads; t++) {
        first = fmin(first, shared->begin[t]);
        last = fmax(last, shared->end[t]);
        work += shared->work[t];
    }
    shared->best = fmax(shared->best, work / (last - first));
}

static void *run_member(void *argument)
{
    const member *self = argument;
    measurement *shared = self->shared;
    pin_to_cpu(self->index);
    vec *buffer = new_buffer(shared->bytes);
    if (buffer == NULL) {
        fprintf(stderr, "limits: out of memory\n");
        exit(1);
    }
    /* A buffer too large for any cache is walked a slice a repetition: when a slice comes up
     * again, all others have been through the caches. */
    const size_t slice = shared->bytes < BYTES_MOVED ? shared->bytes : BYTES_MOVED;
    const int slices = (int)(shared->bytes / slice);
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
        vec *part = buffer + (size_t)(repetition % slices) * (slice / sizeof(vec));
        pthread_barrier_wait(&shared->start);
        spin_wait(&shared->spin, shared->threads); /* so that all begin within a microsecond */
        shared->begin[self->index] = seconds();
        shared->work[self->index] = shared->run(part, slice);
        shared->end[self->index] = seconds();
        pthread_barrier_wait(&shared->start);
        if (self->index == 0)
            keep_best(shared);
    }
    free(buffer);
    return NULL;
}

static void *run_barriers(void *argument)
{
    const member *self = argument;
    measurement *shared = self->shared;
    pin_to_cpu(self->index);
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
        pthread_barrier_wait(&shared->start);
        const double begin = seconds();
        for (long i = 0; i < BARRIER_ITERATIONS; i++)
            spin_wait(&shared->spin, shared->threads);
        const double each = (seconds() - begin) / (double)BARRIER_ITERATIONS;
        if (self->index == 0 && (repetition == 0 || each < shared->barrier_seconds))
            shared->barrier_seconds = each;
    }
    return NULL;
}

static void start_team(measurement *shared, void *(*body)(void *))
{
    pthread_t handle[MAX_THREADS];
    member team[MAX_THREADS];
    pthread_barrier_init(&shared->start, NULL, (unsigned)shared->threads);
    for (int t = 0; t < shared->threads; t++) {
        team[t] = (member){shared, t};
        if (pthread_create(&handle[t], NULL, body, &team[t]) != 0) {
            fprintf(stderr, "limits: cannot start thread %d\n", t);
            exit(1);
        }
    }
    for (int t = 0; t < shared->threads; t++)
        pthread_join(handle[t], NULL);
    pthread_barrier_destroy(&shared->start);
}

static double rate(int threads, kernel run, size_t bytes)
{
    static measurement shared;
    memset(&shared, 0, sizeof shared);
    shared.threads = threads;
    shared.run = run;
    shared.bytes = bytes;
    start_team(&shared, run_member);
    return shared.best;
}

static double barrier_seconds(int threads)
{
    static measurement shared;
    memset(&shared, 0, sizeof shared);
    shared.threads = threads;
    start_team(&shared, run_barriers);
    return shared.barrier_seconds;
}

/* Cache sizes from the C library; where it does not know (0 or -1), a usual size. */
static size_t cache_size(int name, size_t otherwise)
{
    const long size = sysconf(name);
    return size > 0 ? (size_t)size : otherwise;
}

int main(int argc, char **argv)
{
    const int threads = argc == 2 ? atoi(argv[1]) : 0;
    if (threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: limits THREADS (1 to %d)\n", MAX_THREADS);
        return 2;
    }
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    const size_t l1 = cache_size(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
    const size_t l2 = cache_size(_SC_LEVEL2_CACHE_SIZE, 512 << 10);
#else
    const size_t l1 = 32 << 10, l2 = 512 << 10;
#endif
    /* Half a cache, so that the stack and other tenants do not push the buffer out. The size
     * of L3 that a virtual machine reports is often wrong: eight times L2 lies beyond L2 and
     * inside any L3. */
    const size_t l3_share = 8 * l2, dram = 256u << 20;
    const struct {
        const char *name;
        size_t bytes;
    } levels[] = {{"l1", l1 / 2}, {"l2", l2 / 2}, {"l3", l3_share}, {"dram", dram}};

    printf("{\"isa\": \"%s\", \"threads\": %d,\n", ISA, threads);
    printf(" \"l1_bytes\": %zu, \"l2_bytes\": %zu,\n", l1, l2);
    printf(" \"fma_flops\": %.4e,\n", rate(threads, run_fma, 4096));
    printf(" \"divider_parameters\": %.4e,\n", rate(threads, run_divider, 4096));
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        printf(" \"%s_read\": %.4e,\n", levels[i].name,
               rate(threads, run_read, levels[i].bytes));
        printf(" \"%s_copy\": %.4e,\n", levels[i].name,
               rate(threads, run_copy, levels[i].bytes));
        printf(" \"%s_update\": %.4e,\n", levels[i].name,
               rate(threads, run_update, levels[i].bytes));
    }
    printf(" \"barrier_seconds\": %.4e}\n", threads > 1 ? barrier_seconds(threads) : 0.0);
    return 0;
}
