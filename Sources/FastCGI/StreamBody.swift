import CFastCGI
import CGI

/// The body of a FastCGI request: its stream of standard input.
struct StreamBody: RequestBody {
  let stream: UnsafeMutablePointer<FCGX_Stream>

  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8] {
    // Not just the expected bytes: a body that goes on behind them is a lie to be noticed.
    let wanted = min(limit, expected ?? limit) + 1
    return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
      filled = buffer.withMemoryRebound(to: CChar.self) {
        Int(FCGX_GetStr($0.baseAddress, Int32(wanted), stream))
      }
    }
  }

  /// Reads what nobody read, so that the next request on the connection begins where it should and the
  /// web server isn't cut off in the middle of sending.
  /// - Parameter limit: bytes.
  /// - Returns: whether the end of the body was reached.
  func drain(limit: Int) -> Bool {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { buffer in
      var rest = limit
      while rest > 0 {
        let got = Int(FCGX_GetStr(buffer.baseAddress, Int32(buffer.count), stream))
        if got < buffer.count { return true }
        rest -= got
      }
      return false
    }
  }
}
