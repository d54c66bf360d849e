/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/json.h"

/* Bytes of the UTF-8 character at s; 0: it is none, or one that JSON escapes. */
static unsigned utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= ' ' && s[0] != 0x7f && s[0] != '"' && s[0] != '\\' ? 1 : 0;
    unsigned n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xe0 && s[1] < 0xa0) ||
        (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

void ksi_json_text(struct ksi_out *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    ksi_out(out, "\"");
    while (*s != '\0') {
        unsigned n = utf8_length(s);
        if (n == 0 && (*s == '"' || *s == '\\'))
            ksi_out(out, "\\%c", *s);
        else if (n == 0)
            ksi_out(out, "?");
        for (unsigned i = 0; i < n; i++)
            ksi_out(out, "%c", s[i]);
        s += n == 0 ? 1 : n;
    }
    ksi_out(out, "\"");
}

const char *ksi_json_caught(struct ksi_out *out)
{
    size_t last = sizeof out->room - 1;
    out->room[out->used < last ? out->used : last] = '\0';
    return out->room;
}
