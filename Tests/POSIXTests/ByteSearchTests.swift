import POSIX
import Testing

@Suite struct ByteSearchTests {
  @Test(arguments: [
    ("abcabc", "abc", 0, 0), ("abcabc", "abc", 1, 3), ("abcabc", "abc", 3, 3), ("abcabc", "abc", 4, nil),
    ("abcabc", "d", 0, nil), ("abc", "abcd", 0, nil), ("", "a", 0, nil), ("abc", "c", 2, 2),
    ("abc", "c", 3, nil), ("abc", "c", 100, nil), ("aab", "ab", 0, 1),
  ])
  func findsTheFirstAtOrBehindAStart(_ text: String, _ part: String, _ start: Int, _ index: Int?) {
    #expect(Array(text.utf8).firstIndex(of: Array(part.utf8), from: start) == index)
  }

  @Test func aNULIsAByteLikeAnyOther() {
    #expect([1, 0, 2, 0, 3].firstIndex(of: [0, 3]) == 3)
  }

  /// Of a slice, not of what it is a slice of.
  @Test func looksWithinTheSlice() {
    let bytes = Array("one two three".utf8)
    #expect(bytes[4..<7].holds(Array("two".utf8)))
    #expect(!bytes[4..<7].holds(Array("one".utf8)))
    #expect(!bytes[4..<6].holds(Array("two".utf8)))
    #expect(!bytes[0..<0].holds(Array("o".utf8)))
  }
}
