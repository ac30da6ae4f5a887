import Wire

/// The rules for the name and the role of a fleet session.
extension Settings {
  /// The roles that are allowed if `fleet_allowed_roles` is unset, in words.
  var rolesOfFleets: String {
    "(any but operator, wallet\(self.adminRole.hasSameBytes(as: "operator") ? "" : ", \(self.adminRole)"))"
  }

  /// Whether a fleet session may have a role.
  ///
  /// If `fleet_allowed_roles` is set, it must list the role. If it is unset, every role is allowed but those of
  /// operators and wallets, in any case, and those that an application could take for a list or for another role.
  func allowsFleetRole(_ role: String) -> Bool {
    guard self.fleetAllowedRoles.isEmpty else { return self.fleetAllowedRoles.containsBytes(of: role) }
    let isOneWord = role.unicodeScalars.allSatisfy {
      $0 != "," && $0 != ";" && !$0.properties.isWhitespace && VisibleText.isVisible($0)
    }
    return isOneWord && !["operator", "wallet", self.adminRole].contains { Self.areAlike($0, role) }
  }

  /// Whether a text is the email of the operator who can log in, or looks like it.
  func isLoginName(_ text: String) -> Bool {
    self.allowsPasswordLogin && Self.areAlike(text, self.adminEmail)
  }

  /// Whether two texts differ only in case and in invisible characters, such as spaces and controls.
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
