/* SPDX-License-Identifier: Apache-2.0
 *
 * What the public API and the kernels both speak of.
 */
#ifndef FM_TYPES_H
#define FM_TYPES_H

/* Of the caller's samples. */
typedef enum fm_dtype { FM_FLOAT64, FM_FLOAT32, FM_UINT8 } fm_dtype;

#endif
