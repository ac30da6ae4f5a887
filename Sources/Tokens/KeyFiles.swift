import Glibc
import POSIX

/// The PEM files that hold a server's signing keys: one file, or a folder of `<kid>.pem`.
public struct KeyFiles: Sendable {
  /// The `kid` of a server's first key. pico-server-auth gives its only key the same name.
  public static let firstName = "pico-server-auth-1"

  /// The path of the file or the folder.
  public let path: String
  private let passphrase: String?
  private let isDeferred: Bool

  /// - Parameters:
  ///   - path: the file, or the folder of files. If the path doesn't exist, it is a file if it ends in
  ///     `.pem`.
  ///   - passphrase: decrypts and encrypts the files; nil for files that aren't encrypted.
  ///   - isDeferred: whether a private key is parsed only when it signs. Choose this for a process that
  ///     answers one request, which may not need the key.
  public init(path: String, passphrase: String?, isDeferred: Bool = false) {
    self.path = path
    self.passphrase = passphrase
    self.isDeferred = isDeferred
  }

  /// Reads every key, and makes the first one if there is none.
  ///
  /// Any number of processes may call this at once. Each makes a key, one of them gets the name, and all of
  /// them read that key.
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

  /// Reads the keys that exist, oldest first, and makes none.
  /// - Throws: ``KeyError`` that names the file and the reason.
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

  /// Makes a key and adds its file. The key signs from the next start of the workers.
  /// - Parameter bits: the length of the modulus, 2048 or more.
  /// - Throws: ``KeyError``, also if the path is that of a single file that exists.
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
    // If false, another process was first, and its key is there.
    _ = try save(try SigningKey.generate(kid: Self.firstName))
  }

  /// Writes a key's file.
  /// - Returns: false if a file of that name exists.
  private func save(_ key: SigningKey) throws(KeyError) -> Bool {
    let file = isSingleFile ? path : "\(path)/\(key.kid).pem"
    let pem = try key.pem(passphrase: passphrase)
    return try Self.systemCall(file) { () throws(SystemError) in
      try Files.makeFolder(Files.parent(of: file))
      return try Files.createWhole(file, pem)
    }
  }

  /// Whether the path names one file: it is a file, or it doesn't exist and ends in `.pem`.
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

  /// The number at the end of a key's name, or 0 if there is none. Keys are sorted by it, so that 10 comes
  /// after 9.
  private static func number(of file: String) -> Int {
    let name = name(of: file)
    return Int(name.suffix(from: name.lastIndex { !$0.isNumber }.map(name.index(after:)) ?? name.startIndex))
      ?? 0
  }

  private static func read(_ file: String) throws(KeyError) -> [UInt8] {
    do {
      return try Files.read(file) { status in
        guard status.type == .regular else { throw KeyError("is no regular file: move it away") }
        // The same rule as PostgreSQL's for its server key: only the owner may read the file, and also the
        // group if root owns it.
        let forbidden: UInt32 = status.owner == 0 && geteuid() != 0 ? 0o037 : 0o077
        guard status.permissions & forbidden == 0 else {
          throw KeyError("can be read by others: chmod 600 it")
        }
        guard status.owner == geteuid() || status.owner == 0 || geteuid() == 0 else {
          throw KeyError("belongs to another user: chown it to the user that runs pico-auth")
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
