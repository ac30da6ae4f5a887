/// Where libfcgi 2.4.2 and this program treat the same bytes differently, and why. `docs/decisions.md` has this table; the
/// differential test finds each of them again, and nothing else.
enum Difference: CaseIterable {
  case abort, authorizerInput, brokenBody, contentLength, emptyForeign, equalsSign, filter, lastQuestion,
    lateRecords,
    managementContent, misplaced, nul, paddedEnd, pipelined, repeatedBegin, unknownRole, values

  /// What the web server sends; what libfcgi does; what this program does, and why.
  var row: (sent: String, libfcgi: String, ours: String) {
    switch self {
    case .abort:
      (
        "`FCGI_ABORT_REQUEST`",
        "A protocol error: closes the connection, or passes on half a body.",
        "Ends the request with `FCGI_REQUEST_COMPLETE`; a kept connection goes on (section 5.4)."
      )
    case .authorizerInput:
      (
        "Standard input for an authorizer, on a kept connection",
        "The next request on the connection fails, unless the input was read together with the parameters.",
        "Ignores it: lighttpd and mod_authnz_fcgi send some, and never end it."
      )
    case .brokenBody:
      (
        "A connection that ends, or a record that doesn't belong, in the middle of the body, or between two parameters",
        "The application gets part of the request and has to ask `FCGX_GetError`.",
        "The request is dropped: no handler ever sees part of one."
      )
    case .contentLength:
      (
        "A body of another length than `CONTENT_LENGTH`",
        "Leaves the comparison to the application.",
        "A 400: what a proxy cut off is no request."
      )
    case .emptyForeign:
      (
        "An empty record of another request id in the middle of a request",
        "Also skips the content of the record that follows, whosever it is.",
        "Ignores it."
      )
    case .equalsSign:
      (
        "A parameter with `=` in its name",
        "Splits at the first `=`: `HTTP_HOST=a` with value `b` is `HTTP_HOST` with value `a=b`.",
        "The name is what was sent, so it is no variable that pico-auth reads."
      )
    case .filter:
      (
        "The filter role",
        "Accepts the request.",
        "`FCGI_UNKNOWN_ROLE`: pico-auth is no filter."
      )
    case .lastQuestion:
      (
        "`FCGI_GET_VALUES` without padding, and nothing behind it",
        "Waits for another byte before it answers.",
        "Answers at once."
      )
    case .lateRecords:
      (
        "`FCGI_ABORT_REQUEST` or standard input for a request that is answered already",
        "The next request on the connection fails.",
        "Ignores it: the web server may have sent it before it saw the answer."
      )
    case .managementContent:
      (
        "A management record of unknown type with content",
        "Answers `FCGI_UNKNOWN_TYPE`, then takes the content for the request's.",
        "Answers the same and skips the content."
      )
    case .misplaced:
      (
        "A record for the current request whose type no responder is sent",
        "A protocol error: closes the connection, or passes on half a body.",
        "Ignores it: section 3.3 doesn't forbid it, and it changes no request."
      )
    case .nul:
      (
        "A NUL in a parameter",
        "Cuts the value, or the name and with it the value.",
        "All bytes count, so that nothing after a NUL is hidden from a check."
      )
    case .paddedEnd:
      (
        "Padding on `FCGI_BEGIN_REQUEST` or on the empty record that ends a stream",
        "Takes the padding for the next record: the request, or the next one, fails.",
        "Skips it, as section 3.3 says."
      )
    case .pipelined:
      (
        "A request before the answer to the one ahead of it",
        "Loses what it has read of it already; the web server waits without end.",
        "Answers one after the other."
      )
    case .repeatedBegin:
      (
        "`FCGI_BEGIN_REQUEST` with the id of the current request",
        "`FCGI_CANT_MPX_CONN`, and then the answer: two ends for one id.",
        "Closes the connection: whose the records that follow are can't be told."
      )
    case .unknownRole:
      (
        "A role that doesn't exist",
        "Closes the connection.",
        "`FCGI_UNKNOWN_ROLE` (section 5.5)."
      )
    case .values:
      (
        "`FCGI_GET_VALUES` for `FCGI_MAX_CONNS` or `FCGI_MAX_REQS`",
        "1, which holds for one of its threads.",
        "Leaves them out: there is no such limit. `FCGI_MPXS_CONNS` is 0 in both."
      )
    }
  }

  /// The table of all of them, in Markdown.
  static let table =
    "| The web server sends | libfcgi | pico-auth |\n|---|---|---|\n"
    + allCases.map { "| \($0.row.sent) | \($0.row.libfcgi) | \($0.row.ours) |\n" }.joined()
}
