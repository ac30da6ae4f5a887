import Gate
import POSIX
import Stores
import Tokens
import Wallets
import Wire

/// Checks settings that are well-formed one by one, and finds values that don't fit together or don't make sense.
struct SettingsReview {
  /// The roles that this program gives to clients other than operators.
  private static let othersRoles = ["agent", "service", "user", "wallet"]

  /// The mistakes that prevent a start, each with the name of the setting.
  private(set) var mistakes: [(key: String, reason: String)] = []
  /// Warnings about settings that work but should be changed.
  private(set) var warnings: [String] = []
  private let settings: Settings

  init(_ settings: Settings) {
    self.settings = settings
    reviewIssuer()
    reviewTokens()
    reviewWallets()
    reviewLogin()
    reviewFleet()
    reviewPaths()
    reviewCookie()
    for range in settings.trustedProxies where AddressRange(range) == nil {
      refuse("trusted_proxies", "has \(range), which is neither an address nor a range such as 10.0.0.0/8")
    }
  }

  private mutating func refuse(_ key: String, _ reason: String) {
    mistakes.append((key, reason))
  }

  private mutating func reviewCookie() {
    if !settings.cookieName.isEmpty && !SessionCookie.isName(settings.cookieName) {
      refuse("cookie_name", "must be letters, digits and dashes, as names of cookies are")
    }
    guard !settings.cookieDomain.isEmpty else { return }
    if settings.cookieName.isEmpty { refuse("cookie_domain", "is set and cookie_name is not") }
    if !Self.isDomain(settings.cookieDomain) {
      refuse("cookie_domain", "must be a domain with a dot in it, such as example.org")
    }
  }

  /// Whether a text is a domain name with two labels or more, and no address. RFC 1123, section 2.1.
  private static func isDomain(_ text: String) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    return labels.count > 1 && AddressRange(text) == nil
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.utf8.first != UInt8(ascii: "-")
          && label.utf8.last != UInt8(ascii: "-")
          && label.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-")
          }
      }
  }

  private mutating func reviewIssuer() {
    let issuer = settings.issuer
    if issuer.isEmpty { return refuse("issuer", "must not be empty") }
    if !issuer.contains("://") && !issuer.hasPrefix("urn:") {
      return warnings.append("issuer \(issuer) has no scheme; clients expect a URL such as https://\(issuer)")
    }
    guard !issuer.hasPrefix("urn:") else { return }
    let host = Self.host(of: issuer)
    if host.isEmpty {
      return warnings.append(
        "issuer \(issuer) has no host; clients expect a URL such as https://auth.example.org")
    }
    if settings.stateFolder.hasSameBytes(as: Settings().stateFolder)
      && (HostName.isLoopback(host) || HostName.isUnspecified(host))
    {
      warnings.append("issuer is \(issuer), which only this host can reach; set the URL that clients use")
    }
  }

  /// The host of a URL, without the user, the port, the brackets of an IPv6 address and the dot of the DNS root. RFC
  /// 3986, section 3.2.
  private static func host(of url: String) -> Substring {
    let authority = url.drop { $0 != ":" }.dropFirst(3).prefix { !"/?#".contains($0) }
    let place = authority.lastIndex(of: "@").map { authority[$0...].dropFirst() } ?? authority
    if place.hasPrefix("[") { return place.dropFirst().prefix { $0 != "]" } }
    let host = place.prefix { $0 != ":" }
    return host.hasSuffix(".") ? host.dropLast() : host
  }

  private mutating func reviewTokens() {
    if settings.audience.isEmpty { refuse("audience", "must not be empty") }
    if settings.algorithm != "RS256" { refuse("algorithm", "must be RS256, the only one there is") }
    if RefreshAlgorithm(rawValue: settings.refreshTokenAlgorithm) == nil {
      refuse("refresh_token_algorithm", "must be RS256 or HS256")
    }
  }

  private mutating func reviewWallets() {
    for name in settings.walletAlgorithms where WalletSchemes.named(name) == nil {
      let known = WalletSchemes.all.map(\.name).joined(separator: ", ")
      refuse("supported_wallet_algorithms", "has \(name), which is none of \(known)")
    }
    for origin in settings.siteOrigins where WebOrigin(origin) == nil {
      refuse(
        "site_origins",
        "has \(origin), which is no origin such as https://app.example.org, in lower case and without a path")
    }
    if !WalletSite.isStatement(settings.signInStatement) {
      refuse(
        "sign_in_statement",
        "must be a line of up to 1024 ASCII letters, digits, spaces and -._~:/?#[]@!$&'()*+,;=")
    }
    for chain in settings.ethereumChains where !WalletSite.isEthereumChain(chain) {
      refuse("ethereum_chain_ids", "has \(chain), which is no number of a chain")
    }
    if !Settings.challengeFormats.containsBytes(of: settings.challengeFormat) {
      refuse("challenge_format", "must be nonce or bound")
    }
    if settings.effectiveSiteOrigins.isEmpty, settings.siteOrigins.isEmpty {
      let needy = settings.walletAlgorithms.filter { WalletSchemes.named($0)?.signsMessages ?? false }
      if settings.challengeFormat.hasSameBytes(as: Settings.boundChallenges) {
        refuse("challenge_format", "is bound, and neither site_origins nor issuer has an origin")
      } else if !needy.isEmpty {
        warnings.append(
          "issuer is no HTTP URL and site_origins is not set, so nobody can sign in with \(needy.joined(separator: ", "))"
        )
      }
    }
  }

  private mutating func reviewLogin() {
    let (password, hash) = (settings.adminPassword, settings.adminPasswordHash)
    if !password.isEmpty && !hash.isEmpty {
      refuse("admin_password", "and admin_password_hash are both set")
    }
    if password.hasSameBytes(as: "admin") { refuse("admin_password", "must not be admin") }
    if !hash.isEmpty && !PasswordHash.isWellFormed(hash) {
      refuse("admin_password_hash", "is no Argon2id hash; make one with pico-auth hash-password")
    }
    guard settings.allowsPasswordLogin else { return }
    if password.isEmpty && hash.isEmpty {
      refuse("auto_create_admin", "is true and admin_password_hash is not set")
    }
    if !password.isEmpty {
      warnings.append(
        "admin_password is kept in the clear; set admin_password_hash, made with pico-auth hash-password")
    }
    if settings.adminRole.isEmpty { refuse("admin_role", "must not be empty") }
    if settings.adminRole.utf8.count > 64 { refuse("admin_role", "must not be longer than 64 bytes") }
    if Self.othersRoles.containsBytes(of: settings.adminRole) {
      refuse("admin_role", "must not be agent, service, user or wallet")
    }
    if settings.adminEmail.isEmpty { refuse("admin_email", "must not be empty") }
  }

  private mutating func reviewFleet() {
    let secret = settings.fleetSecret
    // A web server joins two header fields with a comma, and removes white space at the ends of a field.
    if secret.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7f || $0 == UInt8(ascii: ",") }) {
      refuse("fleet_mint_secret", "must be printable ASCII without spaces and commas")
    }
    if !secret.isEmpty && secret.utf8.count < 16 {
      warnings.append("fleet_mint_secret is short; openssl rand -hex 32 makes a good one")
    }
    if settings.fleetSessionSeconds > settings.fleetMaximumSeconds {
      refuse("fleet_session_ttl_seconds", "must not exceed fleet_max_ttl_seconds")
    }
  }

  /// Refuses two stores in one file, or one in a file that belongs to another, such as its lock.
  private mutating func reviewStorePaths() {
    let paths = settings.storePaths
    for (key, path) in paths {
      for (other, its) in paths where other != key && (path == its || path.hasPrefix(its + ".")) {
        refuse(key, "is \(path), which belongs to \(other)")
      }
    }
  }

  private mutating func reviewPaths() {
    let base = settings.basePath
    if base != "/" && !base.isEmpty
      && (!base.hasPrefix("/") || base.hasSuffix("/") || base.contains("//")
        || base.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") })
    {
      refuse("base_path", "must begin with a slash and not end with one")
    }
    reviewStorePaths()
    if settings.stateFolder.isEmpty { refuse("state_dir", "must not be empty") }
    if (1..<SpaceReserve.least).contains(settings.stateReserve) {
      warnings.append(
        "state_reserve_bytes is below \(SpaceReserve.least); what is being written when it is reached may use it up"
      )
    }
  }
}
