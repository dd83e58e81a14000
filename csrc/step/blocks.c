/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of batches of several gradient blocks, and long batches through narrow networks.
 *
 * The blocks' gradients are added by the tree that kernels.h tells of, whoever formed them. Who
 * forms consecutive blocks [a, b) keeps the sums of the tree's nodes that lie in them as a
 * stack, each in a buffer of its own: a new block goes on top, and while the two on top are
 * halves of one node, the upper is added to the lower. What is left, one former's behind the
 * other's, is put together in the same way.
 *
 * Where all stages are by rows and the batch has more than one block, a pass over the whole
 * batch would push every activation out to L3 and back, or over to the cores that form
 * gradients. Instead a member takes consecutive gradient blocks of its own, pushes each through
 * all stages FM_TAIL_ROWS (FM_NARROW_ROWS) at a time and adds their gradients to buffers of its
 * own, all in its L1 and L2:
 *
 *     own blocks | put together and apply the parameters that it owns |
 *
 * Meeting after every round of blocks instead, which wants fewer buffers, took 1.21 ms instead
 * of 1.17 for 4-32-16-4 with 10,000 rows on two cores (Zen 4, AVX2).
 */
#include <string.h>

#include "step.h"

/* The node `index` of a level of the tree: the sum of the blocks [index << level,
 * (index + 1) << level), in a buffer. */
typedef struct node {
    size_t level, index, buffer;
} node;

/* A stack holds two nodes a level at most, and one block more. */
#define MOST_NODES (2 * 64 + 1)

typedef struct node_stack {
    node node[MOST_NODES];
    size_t count;
} node_stack;

static size_t most_nodes(size_t blocks)
{
    return 2 * fm_tree_levels(blocks) + 1;
}

size_t fm_block_buffers(const fm_core *core, size_t batch, size_t formers)
{
    return formers * most_nodes(fm_blocks_of(core, batch));
}

static double *buffer(const fm_core *core, size_t index)
{
    return core->workspace.gradients + index * core->gradient_size;
}

static void push(node_stack *stack, node top)
{
    assert(stack->count < MOST_NODES);
    stack->node[stack->count++] = top;
}

/* If the two on top are the halves of a node: makes them that node, in the buffer of the lower,
 * to which that of the upper, *from, has to be added. */
static bool join(node_stack *stack, size_t *to, size_t *from)
{
    if (stack->count < 2)
        return false;
    node *low = &stack->node[stack->count - 2];
    const node top = stack->node[stack->count - 1];
    if (low->level != top.level || low->index % 2 != 0 || low->index + 1 != top.index)
        return false;
    *to = low->buffer;
    *from = top.buffer;
    *low = (node){low->level + 1, low->index / 2, low->buffer};
    stack->count--;
    return true;
}

/* to += from, both buffers, for what a part holds of the stages that are trained; `whole`: for
 * all of them, else for what the member applies. */
static void add_buffer(const step_view *view, size_t to, size_t from, bool whole)
{
    const fm_core *core = view->run->core;
    for (size_t s = view->run->plan.lowest; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        if (!stage->trainable)
            continue;
        const fm_part all = {{0, stage->inputs}, fm_all_panels(stage), fm_all_panels(stage)};
        const fm_part part = whole ? all : fm_part_of(view, s);
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const fm_parameter *parameter = &stage->parameters[i];
            const fm_range panels =
                parameter->vector ? fm_vector_part(parameter, &part) : part.panels;
            const fm_range k = parameter->vector ? (fm_range){0, 1} : part.k;
            for (size_t p = panels.begin; p < panels.end; p++) {
                const size_t at =
                    parameter->start + p * parameter->packed.panel_stride + k.begin * FM_PANEL;
                double *sum = buffer(core, to) + at;
                const double *more = buffer(core, from) + at;
                for (size_t j = 0; j < (k.end - k.begin) * FM_PANEL; j++)
                    sum[j] += more[j];
            }
        }
    }
}

/* Adds what is left to the lowest, which then is the total: a node without a partner goes up as
 * it is, so the last one is added to the one below it, that sum to the next. */
static void add_up(const step_view *view, const node_stack *stack, bool whole)
{
    for (size_t i = stack->count; i-- > 1;)
        add_buffer(view, stack->node[i - 1].buffer, stack->node[i].buffer, whole);
}

/* -- formed by all members together, each the part that it applies -- */

/* What is there when blocks [0, block) have been formed: as in counting, a node for each bit.
 */
static node_stack nodes_before(size_t block)
{
    node_stack stack = {.count = 0};
    for (size_t level = fm_tree_levels(block); level-- > 0;)
        if (block >> level & 1)
            push(&stack, (node){level, (block >> level) - 1, stack.count});
    return stack;
}

double *fm_forming_gradients(const fm_core *core, size_t block)
{
    return buffer(core, nodes_before(block).count);
}

void fm_sum_block(const step_view *view, size_t block, bool last)
{
    node_stack stack = nodes_before(block);
    push(&stack, (node){0, block, stack.count});
    for (size_t to, from; join(&stack, &to, &from);)
        add_buffer(view, to, from, false);
    if (last)
        add_up(view, &stack, false);
}

/* -- formed by a member each -- */

/* Adds the gradients of rows that the stages have just passed to a block's. */
static void add_gradients(const step_view *view, fm_range rows, bool resume, double *gradients)
{
    const fm_core *core = view->run->core;
    for (size_t s = view->run->plan.lowest; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        if (!stage->trainable)
            continue;
        const fm_piece piece = fm_piece_of(view, s, rows);
        const fm_part all = {{0, stage->inputs}, fm_all_panels(stage), fm_all_panels(stage)};
        stage->verbs->gradient(stage, &piece, &all, gradients, resume);
    }
}

static void form_block(step_view *view, double factor, size_t block, double *gradients)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const size_t begin = block * core->gradient_block;
    const size_t end = fm_rows_from(begin, core->gradient_block, view->rows).end;
    const size_t first = view->self->index * FM_MEMBER_ROWS; /* of the member's activations */
    double *x = core->workspace.x[view->turn % 2] + first * core->stages[0].stride;
    const size_t most = fm_is_narrow(core) ? FM_NARROW_ROWS : FM_TAIL_ROWS;
    for (size_t row = begin; row < end; row += most) {
        const fm_range rows = fm_rows_from(row, most, end);
        view->shift = row - first;
        fm_gather_rows(run, x, view->index, row, rows.end - row);
        fm_run_tail(view, factor, rows);
        add_gradients(view, rows, row > begin, gradients);
    }
}

/* The blocks of a member, the first members having one more where they do not come out even:
 * so the lowest node of all lies in buffer 0, where the total is wanted. */
static fm_range own_blocks(size_t blocks, size_t index, size_t members)
{
    return (fm_range){(blocks * index + members - 1) / members,
                      (blocks * (index + 1) + members - 1) / members};
}

/* Puts together what all members have formed, for the part that this one applies. */
static void combine_members(const step_view *view)
{
    const size_t blocks = fm_blocks_of(view->run->core, view->rows);
    const size_t members = view->self->count;
    node_stack all = {.count = 0};
    for (size_t m = 0; m < members; m++) {
        const fm_range own = own_blocks(blocks, m, members);
        node_stack formed = {.count = 0};
        size_t to, from;
        for (size_t block = own.begin; block < own.end; block++) {
            push(&formed, (node){0, block, m * most_nodes(blocks) + formed.count});
            while (join(&formed, &to, &from))
                ; /* the member has added them */
        }
        for (size_t i = 0; i < formed.count; i++) {
            push(&all, formed.node[i]);
            while (join(&all, &to, &from))
                add_buffer(view, to, from, false);
        }
    }
    add_up(view, &all, false);
}

void fm_run_step_in_blocks(step_view *view)
{
    const fm_core *core = view->run->core;
    const double factor = fm_loss_factor(view);
    const size_t blocks = fm_blocks_of(core, view->rows);
    const fm_range own = own_blocks(blocks, view->self->index, view->self->count);
    const size_t first = view->self->index * most_nodes(blocks);
    node_stack stack = {.count = 0};
    for (size_t block = own.begin; block < own.end; block++) {
        const size_t top = first + stack.count;
        form_block(view, factor, block, buffer(view->run->core, top));
        push(&stack, (node){0, block, top});
        for (size_t to, from; join(&stack, &to, &from);)
            add_buffer(view, to, from, true);
    }
    fm_team_wait(view->self);
    combine_members(view);
    if (core->has_rules)
        fm_regularize(view, core->workspace.gradients);
    if (!view->run->only_gradient)
        fm_apply_stored(view);
    fm_team_wait(view->self);
}
