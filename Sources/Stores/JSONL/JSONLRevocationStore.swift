import POSIX
import Synchronization
import Wire

/// Revocations in one file, a JSON object a line, which every process follows: what one appended, the next
/// look-up of every other sees.
public final class JSONLRevocationStore: RevocationStore {
  private struct State {
    var lines: AppendedLines
    var revoked: Set<TokenIDHash> = []
  }

  private let path: String
  private let state: Mutex<State>

  /// - Parameter path: the file; nothing is revoked while there is none.
  public init(path: String) {
    self.path = path
    state = Mutex(State(lines: AppendedLines(path: path)))
  }

  public func isRevoked(_ tokenID: String) throws -> Bool {
    let hash = TokenIDHash(tokenID)
    return try state.withLock { state in
      do {
        var revoked = state.revoked
        state.revoked = []
        defer { state.revoked = revoked }
        try state.lines.read { change, line in
          if change == .restarted { revoked = [] } else { revoked.insert(try Self.hash(of: line)) }
        }
        return revoked.contains(hash)
      } catch {
        // Half a list would let revoked tokens pass: begin anew with the next look-up.
        state = State(lines: AppendedLines(path: path))
        throw StoreError("\(path): \(error)")
      }
    }
  }

  private static func hash(of line: ArraySlice<UInt8>) throws -> TokenIDHash {
    guard let tokenID = try JSONObject(parsing: Array(line))["jti"]?.string else {
      throw StoreError("a revocation without jti")
    }
    return TokenIDHash(tokenID)
  }
}
