// A FastCGI application on libfcgi that answers each request with what the library made of it: the yardstick for
// pico-auth's own reader. Usage: reference_responder SOCKET PROCESSES
//
// The answer's body is, in this order:
//   ROLE LF                      R, A or F
//   for each parameter: COUNT LF NAME=VALUE
//   -LF
//   '.' or 'e', COUNT LF BODY    e where reading the body ended with an error; an authorizer reads none
//   N bytes of a pattern, where QUERY_STRING is answer=N
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct text {
  char *bytes;
  size_t count, room;
};

static void append(struct text *text, const void *bytes, size_t count) {
  if (text->count + count > text->room) {
    text->room = 2 * (text->count + count);
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes) abort();
  }
  memcpy(text->bytes + text->count, bytes, count);
  text->count += count;
}

static void appendCounted(struct text *text, const char *bytes, size_t count) {
  char line[32];
  append(text, line, (size_t)sprintf(line, "%zu\n", count));
  append(text, bytes, count);
}

static void appendRequest(struct text *answer, FCGX_Request *request) {
  const char *role = FCGX_GetParam("FCGI_ROLE", request->envp);
  append(answer, role, 1);
  append(answer, "\n", 1);
  // The first is the role, which the library adds.
  for (char **entry = request->envp + 1; *entry; entry++) appendCounted(answer, *entry, strlen(*entry));
  append(answer, "-\n", 2);

  struct text body = {0};
  char chunk[4096];
  int count;
  if (*role != 'A') {
    while ((count = FCGX_GetStr(chunk, sizeof chunk, request->in)) > 0) append(&body, chunk, (size_t)count);
  }
  append(answer, FCGX_GetError(request->in) ? "e" : ".", 1);
  appendCounted(answer, body.bytes ? body.bytes : "", body.count);
  free(body.bytes);
}

static void appendPattern(struct text *answer, FCGX_Request *request) {
  const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
  if (!query || strncmp(query, "answer=", 7) != 0) return;
  size_t count = strtoul(query + 7, NULL, 10);
  for (size_t index = 0; index < count; index++) {
    char byte = (char)(index * 31 + (index >> 8));
    append(answer, &byte, 1);
  }
}

static void serve(int listener) {
  FCGX_Request request;
  FCGX_InitRequest(&request, listener, 0);
  // A connection that its client closes before it is accepted is an error of FCGX_Accept_r, and no reason to end.
  for (int failures = 0; failures < 1000; failures++) {
    if (FCGX_Accept_r(&request) != 0) continue;
    failures = 0;
    struct text answer = {0};
    appendRequest(&answer, &request);
    appendPattern(&answer, &request);
    FCGX_FPrintF(request.out,
                 "Status: 200 OK\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                 "Content-Length: %d\r\n\r\n",
                 (int)answer.count);
    FCGX_PutStr(answer.bytes, (int)answer.count, request.out);
    free(answer.bytes);
    FCGX_Finish_r(&request);
  }
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  FCGX_Init();
  int listener = FCGX_OpenSocket(arguments[1], 128);
  if (listener < 0) return 1;
  // This process serves nobody: libfcgi may take its process with it. It starts another one then.
  for (int process = 0; process < atoi(arguments[2]) || wait(NULL) > 0; process++) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      serve(listener);
      return 1;
    }
  }
  return 1;
}
