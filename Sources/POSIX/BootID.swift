/// Identifies a boot of the kernel.
public enum BootID {
  /// The size of an identifier: lower-case hex digits and hyphens. Bytes.
  public static let width = 36

  /// The random identifier that the kernel generates at each boot, the same in every process and container on the
  /// host. nil if the files below `/proc/sys` are hidden. `random(4)`, `boot_id`.
  public static let current = read("/proc/sys/kernel/random/boot_id")

  /// Reads an identifier from a file; nil if the file is missing or contains anything else.
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
