/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

static void lay_out_batch(fm_core *core, fm_room *room)
{
    fm_workspace *space = &core->workspace;
    const size_t split = core->split;
    for (int i = 0; i < 2; i++) {
        space->losses[i] = fm_arena_take(&room->arena, room->rows, split * sizeof(double));
        space->scale[i] = fm_arena_take(&room->arena, room->rows, split * sizeof(double));
    }
    for (size_t s = 1; s < core->stage_count; s++)
        for (int i = 0; i < 2 && core->stages[s].penalizes; i++)
            core->stages[s].costs[i] = fm_arena_take(&room->arena, room->rows, sizeof(double));
    space->labels = fm_arena_take(&room->arena, room->rows, split * sizeof(int32_t));
    space->targets = fm_arena_take(&room->arena, room->rows, split * sizeof(double *));
    space->scratch = fm_arena_take(&room->arena, room->threads, FM_SCRATCH * sizeof(double));
}

static void lay_out_activations(fm_core *core, fm_room *room)
{
    for (size_t s = 1; s < core->stage_count; s++) {
        fm_stage *stage = &core->stages[s];
        const size_t row = stage->split * stage->stride * sizeof(double);
        stage->y = fm_arena_take(&room->arena, room->rows, row);
        stage->dz = fm_arena_take(&room->arena, room->rows, row);
        if (stage->activation_count > 0)
            stage->slope = fm_arena_take(&room->arena, room->rows, row);
    }
}

static void lay_out_dense(fm_core *core, fm_room *room)
{
    const size_t row = core->stages[0].stride * sizeof(double);
    for (int i = 0; i < 2; i++)
        core->workspace.x[i] = fm_arena_take(&room->arena, room->rows, row);
}

static void lay_out_lists(fm_core *core, fm_room *room)
{
    fm_workspace *space = &core->workspace;
    const size_t pairs = fm_pairs(core->inputs);
    for (int i = 0; i < 2; i++) {
        space->lists[i].entries =
            fm_arena_take(&room->arena, pairs, room->rows * sizeof(fm_pair));
        space->lists[i].spans = fm_arena_take(&room->arena, pairs, sizeof(fm_span));
    }
    space->pair_scratch =
        fm_arena_take(&room->arena, room->threads, FM_PAIR_SCRATCH * sizeof(fm_pair));
}

/* As many buffers of gradients as the room has rows. */
static void lay_out_gradients(fm_core *core, fm_room *room)
{
    size_t panels = 0;
    for (size_t i = 0; i < core->parameter_count; i++)
        panels += fm_panels(core->parameters[i].columns);
    core->workspace.gradients =
        fm_arena_take(&room->arena, room->rows, core->gradient_size * sizeof(double));
    core->workspace.norms = fm_arena_take(&room->arena, 2 * panels, sizeof(double));
}

/* Makes a room large enough; what it holds is not kept if it has to grow. */
static fm_status provide(fm_core *core, fm_room *room, size_t rows, size_t threads,
                         void lay_out(fm_core *, fm_room *))
{
    if (room->rows >= rows && room->threads >= threads)
        return FM_OK;
    const fm_room larger = {.rows = rows > room->rows ? rows : room->rows,
                            .threads = threads > room->threads ? threads : room->threads};
    fm_arena_free(&room->arena);
    *room = larger;
    lay_out(core, room);
    const fm_status status = fm_arena_allocate(&room->arena);
    if (status == FM_OK)
        lay_out(core, room);
    else
        *room = (fm_room){0};
    return status;
}

/* Whether some gradient is stored, be it of one stage only. */
static bool stores_any(const fm_core *core)
{
    for (size_t s = 1; s < core->stage_count; s++)
        if (core->stages[s].trainable && core->stages[s].verbs->update == NULL)
            return true;
    return fm_stores_gradients(core);
}

/* Buffers of gradient_size that it wants. */
static size_t gradient_buffers(const fm_core *core, const training_way *way)
{
    const bool several = way->pass_rows < way->batch;
    if (way->in_blocks)
        return fm_block_buffers(core, way->batch, way->members);
    if (several && way->batch > core->gradient_block)
        return fm_block_buffers(core, way->batch, 1);
    return several || way->stored || stores_any(core) ? 1 : 0;
}

fm_status fm_prepare_rules(fm_core *core, size_t members)
{
    return provide(core, &core->workspace.rule_room, 1, members, fm_lay_out_rules);
}

fm_status fm_prepare_workspace(fm_core *core, const training_way *way)
{
    fm_workspace *space = &core->workspace;
    const size_t rows = way->in_blocks ? way->members * FM_MEMBER_ROWS : way->pass_rows;
    const size_t gradients = gradient_buffers(core, way);
    space->sparse = way->sparse;
    space->in_blocks = way->in_blocks;
    fm_status status =
        provide(core, &space->batch_room, way->batch, way->members, lay_out_batch);
    if (status == FM_OK)
        status = provide(core, &space->activation_room, rows, 1, lay_out_activations);
    if (status == FM_OK && !way->sparse)
        status = provide(core, &space->dense_room, rows, 1, lay_out_dense);
    if (status == FM_OK && way->sparse)
        status = provide(core, &space->list_room, rows, way->members, lay_out_lists);
    if (status == FM_OK && gradients > 0)
        status = provide(core, &space->gradient_room, gradients, 1, lay_out_gradients);
    if (status == FM_OK && core->has_rules)
        status = fm_prepare_rules(core, way->members);
    return status;
}

void fm_workspace_free(fm_workspace *space)
{
    fm_arena_free(&space->batch_room.arena);
    fm_arena_free(&space->activation_room.arena);
    fm_arena_free(&space->dense_room.arena);
    fm_arena_free(&space->list_room.arena);
    fm_arena_free(&space->gradient_room.arena);
    fm_arena_free(&space->rule_room.arena);
}
