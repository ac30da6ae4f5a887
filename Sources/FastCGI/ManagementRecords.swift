/// Management records, which are about the application and not about a request. FastCGI specification, section 4.
extension RequestReader {
  /// Replies to a management record. The only value that this application has is `FCGI_MPXS_CONNS`: 0.
  func management(_ header: Record.Header) throws(ProtocolError) -> Event {
    // A request has an id other than 0. A peer that begins one with id 0 would wait for its end for ever.
    guard header.kind != Record.Kind.beginRequest else { throw .malformedRecord }
    var reply: [UInt8] = []
    guard header.kind == Record.Kind.getValues else {
      Record.append(Record.Kind.unknownKind, 0, [header.kind, 0, 0, 0, 0, 0, 0, 0], to: &reply)
      return .reply(reply)
    }
    // No values for FCGI_MAX_CONNS and FCGI_MAX_REQS: the web server decides how many connections it opens.
    var values: [UInt8] = []
    if try asksForMultiplexing() {
      values = [15, 1]
      values += Array("FCGI_MPXS_CONNS0".utf8)
    }
    Record.append(Record.Kind.getValuesResult, 0, values, to: &reply)
    return .reply(reply)
  }

  private func asksForMultiplexing() throws(ProtocolError) -> Bool {
    do {
      return try content.withUnsafeBytes { bytes in
        var pairs = NameValuePairs(bytes)
        var isAsked = false
        while let pair = try pairs.next() {
          if pair.name.elementsEqual("FCGI_MPXS_CONNS".utf8) { isAsked = true }
        }
        return isAsked
      }
    } catch {
      throw .malformedParameters
    }
  }
}
