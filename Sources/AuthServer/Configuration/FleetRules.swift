import Wire

/// What a fleet session may be called, and which roles it may have.
extension Settings {
  /// The allowed roles, in words.
  var rolesOfFleets: String {
    "(any but operator, wallet\(self.adminRole.hasSameBytes(as: "operator") ? "" : ", \(self.adminRole)"))"
  }

  /// Whether a holder of the fleet secret may ask for a role. Some roles must be listed: those of operators and wallets, in
  /// any case, and every role that an application could mistake for a list, or for another role.
  func allowsFleetRole(_ role: String) -> Bool {
    guard self.fleetAllowedRoles.isEmpty else { return self.fleetAllowedRoles.containsBytes(of: role) }
    let isOneWord = role.unicodeScalars.allSatisfy {
      $0 != "," && $0 != ";" && !$0.properties.isWhitespace && VisibleText.isVisible($0)
    }
    return isOneWord && !["operator", "wallet", self.adminRole].contains { Self.areAlike($0, role) }
  }

  /// Whether a text is the email of somebody who can log in, or could be mistaken for it.
  func isLoginName(_ text: String) -> Bool {
    self.allowsPasswordLogin && Self.areAlike(text, self.adminEmail)
  }

  /// Whether two texts differ only in case and in characters that nobody sees: spaces, controls, and the like.
  private static func areAlike(_ left: String, _ right: String) -> Bool {
    func visible(_ text: String) -> String {
      var visible = String.UnicodeScalarView()
      visible.append(
        contentsOf: text.unicodeScalars.lazy.filter {
          !$0.properties.isWhitespace && VisibleText.isVisible($0)
        })
      return String(visible).lowercased()
    }
    return visible(left).hasSameBytes(as: visible(right))
  }
}
