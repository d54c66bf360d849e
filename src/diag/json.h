/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_JSON_H
#define KSI_DIAG_JSON_H

#include "diag/print.h"

/*
 * The string as JSON has it, with its quotes. What is no UTF-8, which names of programs
 * may be, becomes "?".
 */
void ksi_json_text(struct ksi_out *out, const char *text);

/* What was printed to out so far, if it began with no file and did not fill its room. */
const char *ksi_json_caught(struct ksi_out *out);

/* The order graph as a JSON object; see order_json.c. */
void ksi_order_json(struct ksi_out *out);

#endif
