/* SPDX-License-Identifier: BSD-2-Clause */
/* An object that comes and goes. */

int symbols_module_thing[64];

int symbols_module_call(void);
int symbols_module_call(void)
{
    return symbols_module_thing[0];
}
