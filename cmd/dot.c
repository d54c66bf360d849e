/* SPDX-License-Identifier: BSD-2-Clause */
/* The order graph as DOT, and drawn by graphviz. */

#include "kslock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void dot_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', f);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
    }
    fputc('"', f);
}

/* A handler waits for it: level of the most urgent one. */
static uint64_t handler_level(const struct json *class)
{
    uint64_t most = 0;
    JSON_EACH(level, json_get(class, "handler"))
    {
        most = level->whole > most ? level->whole : most;
    }
    return most;
}

void graph_dot(FILE *f, const struct json *graph)
{
    fputs("digraph order {\n    rankdir=LR;\n    node [shape=box, style=rounded, "
          "fontname=\"sans-serif\"];\n    edge [fontname=\"sans-serif\", fontsize=9];\n",
          f);
    JSON_EACH(class, json_get(graph, "classes"))
    {
        uint64_t level = handler_level(class);
        fprintf(f, "    c%llu [label=", (unsigned long long)json_whole(class, "id"));
        dot_text(f, json_text(class, "name"));
        if (level > 0)
            fprintf(f, ", color=firebrick, tooltip=\"wanted by a handler of level %llu\"",
                    (unsigned long long)level);
        fputs("];\n", f);
    }
    JSON_EACH(edge, json_get(graph, "edges"))
    {
        char label[NAME_TEXT * 2];
        snprintf(label, sizeof label, "%.240s while held since %.240s",
                 json_text(edge, "to_site"), json_text(edge, "from_site"));
        fprintf(
            f, "    c%llu -> c%llu [label=", (unsigned long long)json_whole(edge, "from"),
            (unsigned long long)json_whole(edge, "to"));
        dot_text(f, json_text(edge, "to_site"));
        fputs(", tooltip=", f);
        dot_text(f, label);
        fputs("];\n", f);
    }
    fputs("}\n", f);
}

int graph_main(int argc, char **argv)
{
    if (argc != 1)
        return complain(KSLOCK_USAGE, "graph: one FILE is needed");
    struct json *document = document_read(argv[0]);
    if (document == NULL)
        return KSLOCK_FAILED;
    const struct json *graph = document_graph(document);
    int status = KSLOCK_DONE;
    if (graph == NULL)
        status = complain(KSLOCK_FAILED,
                          "%s: there is no order graph in it: was --order on?", argv[0]);
    else
        graph_dot(stdout, graph);
    json_free(document);
    return status;
}

/* --- drawn -------------------------------------------------------------------------- */

static _Noreturn void be_dot(int in, int out)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execlp("dot", "dot", "-Tsvg", (char *)NULL);
    _exit(KSLOCK_NOT_FOUND);
}

/* What dot makes of it, or NULL; free it. */
static char *draw(const struct json *graph)
{
    FILE *in = tmpfile();
    FILE *svg = tmpfile();
    char *text = NULL;
    int status = -1;
    if (in != NULL && svg != NULL) {
        graph_dot(in, graph);
        fflush(in);
        rewind(in);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            be_dot(fileno(in), fileno(svg));
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            status = -1;
    }
    if (status == 0 && fseek(svg, 0, SEEK_END) == 0) {
        size_t size = (size_t)ftell(svg);
        rewind(svg);
        text = calloc(1, size + 1);
        if (text != NULL && fread(text, 1, size, svg) != size)
            text[0] = '\0';
    }
    if (in != NULL)
        fclose(in);
    if (svg != NULL)
        fclose(svg);
    return text;
}

static const char *class_name(const struct json *graph, uint64_t id)
{
    JSON_EACH(class, json_get(graph, "classes"))
    {
        if (json_whole(class, "id") == id)
            return json_text(class, "name");
    }
    return "?";
}

static void edge_table(FILE *f, const struct json *graph)
{
    fputs(
        "<table><tr><th>held</th><th>taken at</th><th>then takes</th><th>at</th></tr>\n",
        f);
    JSON_EACH(edge, json_get(graph, "edges"))
    {
        fputs("<tr><td>", f);
        html_text(f, class_name(graph, json_whole(edge, "from")));
        fputs("</td><td class=\"place\">", f);
        html_text(f, json_text(edge, "from_site"));
        fputs("</td><td>", f);
        html_text(f, class_name(graph, json_whole(edge, "to")));
        fputs("</td><td class=\"place\">", f);
        html_text(f, json_text(edge, "to_site"));
        fputs("</td></tr>\n", f);
    }
    fputs("</table>\n", f);
}

void html_graph(FILE *f, const struct json *graph)
{
    enum { MOST = 400 }; /* more edges make no picture */
    const struct json *edges = json_get(graph, "edges");
    bool few = edges != NULL && edges->count <= MOST;
    char *svg = few && edges->count > 0 ? draw(graph) : NULL;
    const char *begin = svg != NULL ? strstr(svg, "<svg") : NULL;
    fputs(
        "<h2>Lock order</h2>\n<p>An arrow from one class of locks to another: a lock of "
        "the second was taken while one of the first was held.</p>\n",
        f);
    if (begin != NULL) {
        fputs("<div class=\"graph\">", f);
        fputs(begin, f);
        fputs("</div>\n<details><summary>As a table</summary>\n", f);
    } else if (edges != NULL && edges->count > 0) {
        fputs(few ? "<p>Graphviz, which would draw it, was not found.</p>\n"
                  : "<p>There are too many arrows for a picture.</p>\n",
              f);
    }
    if (edges == NULL || edges->count == 0)
        fputs("<p>No lock was taken while another one was held.</p>\n", f);
    else
        edge_table(f, graph);
    if (begin != NULL)
        fputs("</details>\n", f);
    free(svg);
}
