// The least that a CGI script can do: what a new process costs by itself.
#include <stdio.h>

int main(void) {
  fputs("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", stdout);
  return 0;
}
