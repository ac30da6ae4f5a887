/// An entry of an ``ExternalSort``: a key of 16 bytes and a value, 24 bytes together.
struct SortEntry: Comparable {
  let key: TokenIDHash
  let value: Int

  static func < (one: SortEntry, other: SortEntry) -> Bool {
    one.key == other.key ? one.value < other.value : one.key < other.key
  }
}
