/// The cursor isn't one of this list: a client made it up, or its file was removed or rewritten since.
public struct UnknownCursor: Error {
  public init() {}
}
