// The limit to compare with: a FastCGI responder that answers every request with the same 437 bytes, in the
// plain loop that libfcgi's examples show; or, asked to, with a 204 and nothing else. Usage: responder PROCESSES [204],
// with a listening socket as descriptor 0; without one, a CGI script.
#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  char answer[1024] = "Content-Type: application/json\r\nCache-Control: public, max-age=300\r\n"
                      "X-Content-Type-Options: nosniff\r\nContent-Length: 437\r\n\r\n";
  size_t head = strlen(answer);
  memset(answer + head, 'x', 437);
  size_t size = head + 437;
  if (count > 2) {
    strcpy(answer, "Status: 204 No Content\r\nCache-Control: no-store\r\n\r\n");
    size = strlen(answer);
  }

  if (FCGX_IsCGI()) return write(1, answer, size) < 0;
  for (int process = 1; process < atoi(arguments[1]); process++) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, 15);
      break;
    }
  }
  FCGX_Request request;
  FCGX_Init();
  FCGX_InitRequest(&request, 0, 0);
  while (FCGX_Accept_r(&request) == 0) {
    FCGX_PutStr(answer, (int)size, request.out);
    FCGX_Finish_r(&request);
  }
  return count < 2;
}
