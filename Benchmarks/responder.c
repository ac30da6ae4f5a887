// The limit to compare with: a FastCGI responder that answers every request with the same 437 bytes, in the
// plain loop that libfcgi's examples show. Usage: responder PROCESSES, with a listening socket as descriptor 0.
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
    FCGX_PutStr(answer, (int)(head + 437), request.out);
    FCGX_Finish_r(&request);
  }
  return count < 2;
}
