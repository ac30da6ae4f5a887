/// Which boot of the kernel this is.
public enum BootID {
  /// The bytes that an identifier has, hex digits and hyphens.
  public static let width = 36

  /// What the kernel calls this boot: 36 characters, drawn at random at each boot, the same in every process and container
  /// on it. Nil where the kernel's files below `/proc/sys` are hidden. `random(4)`, `boot_id`.
  public static let current = read("/proc/sys/kernel/random/boot_id")

  /// Reads an identifier from a file; nil where there is none.
  static func read(_ path: String) -> String? {
    guard let bytes = try? Files.read(path, limit: 64) else { return nil }
    let text = bytes.prefix { $0 != UInt8(ascii: "\n") }
    let isWhole = text.count == width && text.allSatisfy { $0 == UInt8(ascii: "-") || isHexDigit($0) }
    return isWhole ? String(decoding: text, as: UTF8.self) : nil
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
