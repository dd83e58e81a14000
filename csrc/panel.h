/* SPDX-License-Identifier: Apache-2.0
 *
 * The packed parameter format. A matrix (rows, columns) lies in panels of FM_PANEL columns,
 * each panel row after row, 64 bytes a row; columns are padded with zeros to whole panels.
 * Memory order of a (3, 10) matrix, element [r][c] as rc, '-' for padding:
 *
 *     00 01 02 03 04 05 06 07   10 .. 17   20 .. 27 | 08 09 - - - - - -   18 19 - ..   28 ..
 *     `------------- panel 0 ---------------------' | `--------- panel 1 -----------'
 */
#ifndef FM_PANEL_H
#define FM_PANEL_H

#include <stddef.h>

#include "kernels.h"

static inline size_t fm_panels(size_t columns)
{
    return (columns + FM_PANEL - 1) / FM_PANEL;
}

/* Columns of a panel that are not padding. */
static inline size_t fm_columns_of_panel(size_t panel, size_t columns)
{
    const size_t left = columns - panel * FM_PANEL;
    return left < FM_PANEL ? left : FM_PANEL;
}

/* Doubles of a packed (rows, columns) matrix. */
static inline size_t fm_packed_size(size_t rows, size_t columns)
{
    return fm_panels(columns) * FM_PANEL * rows;
}

/* packed = matrix (rows, columns) row-major; padding becomes zero. */
void fm_pack(double *packed, const double *matrix, size_t rows, size_t columns);

/* matrix (rows, columns) row-major = packed. */
void fm_unpack(double *matrix, const double *packed, size_t rows, size_t columns);

#endif
