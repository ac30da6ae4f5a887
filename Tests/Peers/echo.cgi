#!/bin/sh
# An application behind the gate, as a CGI script: tells its caller how long the body was and who it is said to be.
printf 'Content-Type: text/plain\r\n\r\n'
echo "length=$(head -c "${CONTENT_LENGTH:-0}" | wc -c)"
env | grep -E '^(HTTP_)?(REMOTE_USER|REMOTE_GROUPS|X_AUTH|X_AGENT|ORIGIN=)'
exit 0
