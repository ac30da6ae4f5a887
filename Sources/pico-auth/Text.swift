extension String {
  /// Pads the text with trailing spaces.
  /// - Parameter width: characters.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
