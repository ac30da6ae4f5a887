/// A moment as RFC 3339, section 5.6, writes it, such as `2026-01-31T12:00:00Z`.
struct InternetDate: Equatable {
  /// The text, as it was read or made.
  let text: String
  /// Seconds since 1970, with a fraction.
  let seconds: Double

  /// Makes the text of a moment, in UTC and without a fraction.
  /// - Parameter seconds: whole seconds since 1970, at most those of the year 9999.
  init(seconds: Int) {
    let (day, second) = (seconds.flooredQuotient(86400), seconds.flooredRemainder(86400))
    let (year, month, dayOfMonth) = Self.date(ofDay: day)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let time = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
    text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T\(time)Z"
    self.seconds = Double(seconds)
  }

  /// Reads `date-time`. Nil for anything else, and for a day that the month doesn't have.
  init?(_ bytes: ArraySlice<UInt8>) {
    var reader = Digits(rest: bytes)
    guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2, in: 1...12),
      reader.skip("-"),
      let day = reader.number(2, in: 1...Self.days(ofMonth: month, year)), reader.skip("Tt"),
      let hour = reader.number(2, in: 0...23), reader.skip(":"), let minute = reader.number(2, in: 0...59),
      reader.skip(":"), let second = reader.number(2, in: 0...60)
    else { return nil }
    var fraction = 0.0
    if reader.skip(".") {
      guard let digits = reader.fraction() else { return nil }
      fraction = digits
    }
    var offset = 0
    if !reader.skip("Zz") {
      let isWest = reader.rest.first == UInt8(ascii: "-")
      guard reader.skip("+-"), let hours = reader.number(2, in: 0...23), reader.skip(":"),
        let minutes = reader.number(2, in: 0...59)
      else { return nil }
      offset = (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
    guard reader.rest.isEmpty else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
    let whole = Self.day(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    seconds = Double(whole) + fraction
  }

  private static func days(ofMonth month: Int, _ year: Int) -> Int {
    switch month {
    case 2: year.isMultiple(of: 4) && !year.isMultiple(of: 100) || year.isMultiple(of: 400) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is a year's last.
  private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let leapDays = year.flooredQuotient(4) - year.flooredQuotient(100) + year.flooredQuotient(400)
    return year * 365 + leapDays + dayOfYear - 719_468
  }

  private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
    // The year is never too low, and at most one too high.
    var year = (day * 400).flooredQuotient(146_097) + 1971
    while Self.day(year, 1, 1) > day { year -= 1 }
    var month = 1
    while month < 12, Self.day(year, month + 1, 1) <= day { month += 1 }
    return (year, month, day - Self.day(year, month, 1) + 1)
  }

  /// Reads numbers of a fixed width.
  private struct Digits {
    var rest: ArraySlice<UInt8>

    mutating func number(_ width: Int, in range: ClosedRange<Int> = 0...9999) -> Int? {
      let digits = rest.prefix(width)
      guard digits.count == width, digits.allSatisfy(URIGrammar.isDigit) else { return nil }
      let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      rest = rest.dropFirst(width)
      return range.contains(number) ? number : nil
    }

    /// Skips one of the characters.
    mutating func skip(_ characters: StaticString) -> Bool {
      let isThere = rest.first.map { byte in
        characters.withUTF8Buffer { $0.contains(byte) }
      }
      if isThere == true { rest = rest.dropFirst() }
      return isThere == true
    }

    mutating func fraction() -> Double? {
      let digits = rest.prefix(while: URIGrammar.isDigit)
      rest = rest.dropFirst(digits.count)
      guard !digits.isEmpty else { return nil }
      // A Double has no more digits than that.
      return digits.prefix(18).reversed().reduce(0) { ($0 + Double($1 - UInt8(ascii: "0"))) / 10 }
    }
  }
}

extension Int {
  fileprivate func flooredQuotient(_ divisor: Int) -> Int { (self - flooredRemainder(divisor)) / divisor }

  fileprivate func flooredRemainder(_ divisor: Int) -> Int {
    let remainder = self % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }
}
