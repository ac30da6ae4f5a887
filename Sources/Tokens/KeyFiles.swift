import Glibc
import POSIX

/// The PEM files that hold a server's signing keys: one file, or a folder of `<kid>.pem`.
public struct KeyFiles: Sendable {
  /// The name of a server's first key, which the peer gives its only one.
  public static let firstName = "pico-server-auth-1"

  /// The file, or the folder of files.
  public let path: String
  private let passphrase: String?
  private let isDeferred: Bool

  /// - Parameter isDeferred: whether private halves aren't looked at before they sign: right for a process that is to
  ///   answer one request, which may not need them.
  public init(path: String, passphrase: String?, isDeferred: Bool = false) {
    self.path = path
    self.passphrase = passphrase
    self.isDeferred = isDeferred
  }

  /// Reads every key; makes the first one where there is none.
  ///
  /// Any number of processes may do so at once: each makes a key, one of them gets the name, and all
  /// read that one.
  /// - Throws: ``KeyError`` that names the file and the reason.
  public func load() throws(KeyError) -> KeyRing {
    try ensureKey()
    return try ring()
  }

  /// Reads every key; makes none.
  /// - Throws: ``KeyError``, also where there is none.
  public func ring() throws(KeyError) -> KeyRing {
    let keys = try existing()
    guard !keys.isEmpty else {
      throw KeyError("\(path): no signing key; run pico-auth keys generate, or check state_dir")
    }
    return try KeyRing(keys: keys)
  }

  /// The keys that are there, oldest first; makes none.
  /// - Throws: ``KeyError``.
  public func existing() throws(KeyError) -> [SigningKey] {
    var keys: [SigningKey] = []
    for file in try files() {
      let name = isSingleFile ? Self.firstName : Self.name(of: file)
      do throws(KeyError) {
        let pem = try Self.read(file)
        keys.append(
          isDeferred
            ? try SigningKey.deferred(kid: name, pem: pem, passphrase: passphrase)
            : try SigningKey(kid: name, pem: pem, passphrase: passphrase))
      } catch {
        throw KeyError("\(file) \(error)")
      }
    }
    return keys
  }

  /// Adds a key, which signs from the next start of the workers on.
  /// - Parameter bits: 2048 or more.
  /// - Throws: ``KeyError``, also where the path is that of a single file that exists.
  public func generate(bits: Int) throws(KeyError) -> SigningKey {
    while true {
      let next = isSingleFile ? 1 : (try files().map(Self.number).max() ?? 0) + 1
      let name = "pico-server-auth-\(next)"
      let key = try SigningKey.generate(kid: name, bits: bits)
      if try save(key) { return key }
      if isSingleFile { throw KeyError("\(path) exists already; use a folder for several keys") }
    }
  }

  private func ensureKey() throws(KeyError) {
    guard try files().isEmpty else { return }
    // False means that another process was first, and its key is there.
    _ = try save(try SigningKey.generate(kid: Self.firstName))
  }

  /// Whether it was written; not where a file of that name is there already.
  private func save(_ key: SigningKey) throws(KeyError) -> Bool {
    let file = isSingleFile ? path : "\(path)/\(key.kid).pem"
    let pem = try key.pem(passphrase: passphrase)
    return try Self.systemCall(file) { () throws(SystemError) in
      try Files.makeFolder(Files.parent(of: file))
      return try Files.createWhole(file, pem)
    }
  }

  /// Whether the path names one file: it is one, or isn't there and ends as one would.
  private var isSingleFile: Bool {
    if let status = try? FileStatus.ofFile(at: path) { return !status.isDirectory }
    return path.hasSuffix(".pem")
  }

  private func files() throws(KeyError) -> [String] {
    let path = self.path
    return try Self.systemCall(path) { () throws(SystemError) in
      guard let status = try FileStatus.ofFile(at: path) else { return [] }
      guard status.isDirectory else { return [path] }
      return try Files.names(in: path).filter { $0.hasSuffix(".pem") && !$0.hasPrefix(".") }
        .map { "\(path)/\($0)" }
        .sorted { (Self.number(of: $0), $0) < (Self.number(of: $1), $1) }
    }
  }

  private static func name(of file: String) -> String {
    String(file.split(separator: "/").last!.dropLast(".pem".count))
  }

  /// The number at the end of a key's name, so that 10 comes after 9; 0 without one.
  private static func number(of file: String) -> Int {
    let name = name(of: file)
    return Int(name.suffix(from: name.lastIndex { !$0.isNumber }.map(name.index(after:)) ?? name.startIndex))
      ?? 0
  }

  private static func read(_ file: String) throws(KeyError) -> [UInt8] {
    do {
      return try Files.read(file) { status in
        guard status.type == .regular else { throw KeyError("is no regular file: move it away") }
        // As PostgreSQL has it for its server key: nobody else reads it, but a group may where root owns it.
        let forbidden: UInt32 = status.owner == 0 && geteuid() != 0 ? 0o037 : 0o077
        guard status.permissions & forbidden == 0 else {
          throw KeyError("can be read by others: chmod 600 it")
        }
        guard status.owner == geteuid() || status.owner == 0 || geteuid() == 0 else {
          throw KeyError("belongs to another user")
        }
      }
    } catch let error as KeyError {
      throw error
    } catch let error as SystemError {
      throw KeyError("can't be read: \(error.reason)")
    } catch {
      throw KeyError("can't be read: \(error)")
    }
  }

  private static func systemCall<Value>(
    _ path: String, _ body: () throws(SystemError) -> Value
  ) throws(KeyError) -> Value {
    do throws(SystemError) {
      return try body()
    } catch {
      throw KeyError("\(error.at(path))")
    }
  }
}
