/// A cursor is none of the list's: it was made up, or its file is gone or was rewritten since.
public struct UnknownCursor: Error {
  public init() {}
}
