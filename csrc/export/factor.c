/* SPDX-License-Identifier: Apache-2.0
 *
 * Cholesky's factor on the team: panel after panel, whose diagonal block every member factors
 * for itself and whose rows below they share. So members meet once a panel.
 */
#include <string.h>

#include "../arena.h"
#include "../kernels.h"
#include "../machine.h"
#include "../panel.h"
#include "../team.h"

typedef struct factoring {
    const fm_kernels *kernels;
    double *lower;        /* (n, n) */
    const double *matrix; /* (n, n), of which the lower triangle is read */
    size_t n;
    double *panels; /* (members, n, FM_PANEL): minus the panel's rows of what is finished */
    double *rows;   /* (members, n, FM_PANEL): columns of a member's rows */
    bool positive;  /* written by member 0 */
} factoring;

static void load_columns(const factoring *run, double *to, size_t row, size_t rows,
                         size_t first, size_t columns)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < FM_PANEL; c++)
            to[r * FM_PANEL + c] = c < columns && first + c <= row + r
                                       ? run->matrix[(row + r) * run->n + first + c]
                                       : 0;
}

static void store_columns(const factoring *run, const double *from, size_t row, size_t rows,
                          size_t first, size_t columns)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns && first + c <= row + r; c++)
            run->lower[(row + r) * run->n + first + c] = from[r * FM_PANEL + c];
}

/* Rows of the panel at `first`, less what the columns before it explain. */
static void reduce_columns(const factoring *run, double *rows_of, const double *panel,
                           size_t row, size_t rows, size_t first, size_t columns)
{
    load_columns(run, rows_of, row, rows, first, columns);
    if (first > 0)
        run->kernels->matmul(rows_of, FM_PANEL, run->lower + row * run->n, run->n, panel,
                             first * FM_PANEL, rows, first, 1, true);
}

static bool factor_panel(const factoring *run, const fm_member *self, size_t first)
{
    const size_t n = run->n, columns = fm_columns_of_panel(first / FM_PANEL, n);
    double *panel = run->panels + self->index * n * FM_PANEL;
    double *rows = run->rows + self->index * n * FM_PANEL, block[FM_PANEL * FM_PANEL];
    for (size_t k = 0; k < first; k++)
        for (size_t c = 0; c < FM_PANEL; c++)
            panel[k * FM_PANEL + c] = c < columns ? -run->lower[(first + c) * n + k] : 0;
    reduce_columns(run, block, panel, first, columns, first, columns);
    if (!run->kernels->factor_block(block, columns))
        return false;
    if (self->index == 0)
        store_columns(run, block, first, columns, first, columns);
    const size_t below = first + columns;
    const fm_range own = fm_team_share(n - below, self);
    const size_t row = below + own.begin, count = own.end - own.begin;
    reduce_columns(run, rows, panel, row, count, first, columns);
    run->kernels->factor_rows(rows, block, count, columns);
    store_columns(run, rows, row, count, first, columns);
    return true;
}

static void factor_member(void *argument, const fm_member *self)
{
    factoring *run = argument;
    const fm_range own = fm_team_share(run->n, self);
    memset(run->lower + own.begin * run->n, 0,
           (own.end - own.begin) * run->n * sizeof *run->lower);
    bool positive = true;
    for (size_t first = 0; first < run->n && positive; first += FM_PANEL) {
        fm_team_wait(self);
        positive = factor_panel(run, self, first); /* the same for all */
    }
    if (self->index == 0)
        run->positive = positive;
}

static void lay_out(factoring *run, fm_arena *arena, size_t members)
{
    run->panels = fm_arena_take(arena, members * run->n, FM_PANEL * sizeof(double));
    run->rows = fm_arena_take(arena, members * run->n, FM_PANEL * sizeof(double));
}

fm_status fm_factor(double *lower, const double *matrix, size_t n, bool *positive)
{
    factoring run = {
        .kernels = fm_find_kernels(NULL), .lower = lower, .matrix = matrix, .n = n};
    *positive = false;
    if (run.kernels == NULL)
        return FM_ERROR_ISA;
    const double fmas = (double)n * (double)n * (double)n / 6;
    const size_t members = fm_members_for(fmas / (double)fm_panels(n), fmas);
    fm_arena arena = {0};
    lay_out(&run, &arena, members);
    const fm_status status = fm_arena_reserve(&arena);
    if (status != FM_OK)
        return status;
    lay_out(&run, &arena, members);
    fm_team_run(members, factor_member, &run);
    fm_arena_free(&arena);
    *positive = run.positive;
    return FM_OK;
}

fm_status fm_solve(double *x, const double *lower, const double *b, size_t n)
{
    const fm_kernels *kernels = fm_find_kernels(NULL);
    if (kernels == NULL)
        return FM_ERROR_ISA;
    memcpy(x, b, n * sizeof *x);
    const fm_float_state saved = fm_float_state_enter();
    kernels->solve_factor(x, lower, n);
    fm_float_state_leave(saved);
    return FM_OK;
}
