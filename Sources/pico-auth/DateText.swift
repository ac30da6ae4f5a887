import Glibc

/// Dates for people.
enum DateText {
  /// A time as date, time of day and offset of the local time zone: `2026-11-21 21:55:00 +0100`. `strftime(3)`.
  /// - Parameter seconds: seconds since 1970.
  static func of(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var parts = tm()
    guard localtime_r(&time, &parts) != nil else { return "\(seconds)" }
    var text = [CChar](repeating: 0, count: 64)
    guard strftime(&text, text.count, "%Y-%m-%d %H:%M:%S %z", &parts) > 0 else { return "\(seconds)" }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }
}
