/* SPDX-License-Identifier: Apache-2.0 */
#include "panel.h"

#include <string.h>

void fm_pack(double *packed, const double *matrix, size_t rows, size_t columns)
{
    for (size_t p = 0; p < fm_panels(columns); p++) {
        size_t width = fm_columns_of_panel(p, columns);
        for (size_t r = 0; r < rows; r++) {
            double *to = packed + (p * rows + r) * FM_PANEL;
            memcpy(to, matrix + r * columns + p * FM_PANEL, width * sizeof *to);
            memset(to + width, 0, (FM_PANEL - width) * sizeof *to);
        }
    }
}

void fm_unpack(double *matrix, const double *packed, size_t rows, size_t columns)
{
    for (size_t p = 0; p < fm_panels(columns); p++)
        for (size_t r = 0; r < rows; r++)
            memcpy(matrix + r * columns + p * FM_PANEL, packed + (p * rows + r) * FM_PANEL,
                   fm_columns_of_panel(p, columns) * sizeof *matrix);
}
