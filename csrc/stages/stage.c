/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

fm_parameter *fm_add_parameter(fm_stage *stage, size_t rows, bool vector, fm_role role)
{
    fm_parameter *parameter = &stage->parameters[stage->parameter_count++];
    *parameter =
        (fm_parameter){.rows = rows, .columns = stage->width, .vector = vector, .role = role};
    return parameter;
}

size_t fm_split_of(size_t numbers, size_t width)
{
    return numbers % width == 0 ? numbers / width : 0;
}

const double *fm_stage_bias(const fm_stage *stage)
{
    if (stage->verbs != &fm_dense_verbs || stage->parameter_count < 2)
        return NULL;
    return stage->parameters[1].packed.value;
}

void fm_stage_activate(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const fm_kernels *kernels = piece->kernels;
    const size_t first_column = panels.begin * FM_PANEL;
    const double *bias = fm_stage_bias(stage);
    fm_block block = {.y = piece->y + first_column,
                      .slope = piece->slope != NULL ? piece->slope + first_column : NULL,
                      .stride = stage->stride,
                      .rows = piece->rows,
                      .panels = panels.end - panels.begin,
                      .bias = bias != NULL ? bias + first_column : NULL,
                      .first = true,
                      .step = (uint64_t)piece->step,
                      .first_row = piece->first_row,
                      .first_column = first_column};
    for (size_t i = 0; i < stage->activation_count; i++) {
        const fm_operation *activation = &stage->activations[i];
        if (piece->step < 0 && fm_operation_is_noise((int)activation->kind))
            continue;
        block.seed = activation->seed;
        kernels->activation[activation->kind - FM_LAYER_COUNT](block, activation->option);
        block.bias = NULL;
        block.first = false;
    }
    if (block.first && (block.bias != NULL || block.slope != NULL))
        kernels->add_bias(block);
}

void fm_stage_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    stage->verbs->forward(stage, piece, panels);
    fm_stage_activate(stage, piece, panels);
}

fm_packed fm_packed_at(const fm_packed *whole, size_t row, size_t panel)
{
    const size_t at = panel * whole->panel_stride + row * FM_PANEL;
    fm_packed part = *whole;
    part.value += at;
    for (int slot = 0; slot < FM_MAX_SLOTS; slot++)
        part.slot[slot] = whole->slot[slot] != NULL ? whole->slot[slot] + at : NULL;
    return part;
}
