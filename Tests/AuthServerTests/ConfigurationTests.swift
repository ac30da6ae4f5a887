import TestSupport
import Testing

@testable import AuthServer

@Suite struct ConfigurationTests {
  private let folder = TemporaryFolder()

  private func load(_ yaml: String?, _ environment: [String: String] = [:]) throws -> Configuration {
    let file = try yaml.map { try folder.write("config.yaml", $0) }
    return try Configuration(file: file, environment: environment)
  }

  private func mistakes(_ yaml: String?, _ environment: [String: String] = [:]) -> [String] {
    do {
      _ = try load(yaml, environment)
      return []
    } catch {
      return (error as? ConfigurationError)?.mistakes ?? ["\(error)"]
    }
  }

  @Test func theDefaultsAreTheContracts() throws {
    let settings = try load(nil).settings
    #expect(settings.issuer == "http://localhost:8100")
    #expect(settings.audience == "pico")
    #expect(settings.accessTokenMinutes == 15)
    #expect(settings.refreshTokenDays == 7)
    #expect(settings.challengeSeconds == 60)
    #expect(Set(settings.walletAlgorithms).isSuperset(of: ["ML-DSA-65", "Ed25519", "secp256k1"]))
    #expect(!settings.allowsPasswordLogin)
    #expect(settings.adminEmail == "admin@pico.local")
    #expect(settings.fleetSecret.isEmpty)
    #expect(settings.fleetSessionSeconds == 86400)
    #expect(settings.fleetMaximumSeconds == 3_153_600_000)
    #expect(settings.effectiveKeyPath == "/var/lib/pico-auth/keys")
    #expect(settings.basePath == "/api/v1/auth")
    #expect(settings.maximumBodySize == 65536)
    #expect(settings.maximumPendingChallenges == 1_000_000)
    #expect(settings.mintAuditRequired)
  }

  @Test func theEnvironmentWinsOverTheFile() throws {
    let configuration = try load(
      """
      # the peer's file has other sections too
      auth_client:
        enabled: true
      server_auth:
        issuer: https://file.example
        audience: "pico"
        challenge_ttl_seconds: 30
        supported_wallet_algorithms: [Ed25519, secp256k1]
      """,
      [
        "SERVER_AUTH_ISSUER": "https://env.example", "SERVER_NAME": "x",
        "SERVER_AUTH_SUPPORTED_WALLET_ALGORITHMS": "ML-DSA-65, Ed25519",
      ])
    #expect(configuration.settings.issuer == "https://env.example")
    #expect(configuration.settings.challengeSeconds == 30)
    #expect(configuration.settings.walletAlgorithms == ["ML-DSA-65", "Ed25519"])
    #expect("\(configuration.origin(of: "issuer"))" == "SERVER_AUTH_ISSUER")
    #expect("\(configuration.origin(of: "challenge_ttl_seconds"))".hasSuffix("config.yaml:7"))
    #expect("\(configuration.origin(of: "admin_role"))" == "default")
  }

  @Test(arguments: [
    ("server_auth:\n  isuer: x\n", ":2: unknown key isuer"),
    ("server_auth:\n  issuer: a\n  issuer: b\n", ":3: issuer is given on line 2"),
    ("server_auth:\n  challenge_ttl_seconds: soon\n", ":2: challenge_ttl_seconds must be a whole number"),
    ("server_auth:\n  challenge_ttl_seconds: \"60\"\n", ":2: challenge_ttl_seconds must be a whole number"),
    ("server_auth:\n  challenge_ttl_seconds: 1.5\n", ":2: challenge_ttl_seconds must be a whole number"),
    ("server_auth:\n  challenge_ttl_seconds: 0\n", ":2: challenge_ttl_seconds must be from 1"),
    ("server_auth:\n  auto_create_admin: 1\n", ":2: auto_create_admin must be true or false"),
    ("server_auth:\n  auto_create_admin: \"true\"\n", ":2: auto_create_admin must be true or false"),
    ("server_auth:\n  audience: 12\n", ":2: audience must be text"),
    ("server_auth:\n  audience: [a]\n", ":2: audience must be text"),
    (
      "server_auth:\n  supported_wallet_algorithms: Ed25519\n",
      ":2: supported_wallet_algorithms must be a list"
    ),
    ("server_auth:\n  supported_wallet_algorithms: [RSA]\n", ":2: supported_wallet_algorithms has RSA"),
    ("server_auth:\n  algorithm: HS256\n", ":2: algorithm must be RS256"),
    ("server_auth:\n  refresh_token_algorithm: none\n", ":2: refresh_token_algorithm must be RS256 or HS256"),
    ("server_auth:\n  admin_password: admin\n", ":2: admin_password must not be admin"),
    ("server_auth:\n  admin_password_hash: x\n", ":2: admin_password_hash is no Argon2id hash"),
    ("server_auth:\n  auto_create_admin: true\n", ":2: auto_create_admin is true"),
    ("server_auth:\n  base_path: api/\n", ":2: base_path must begin"),
    ("server_auth:\n  fleet_mint_secret: \"a, b\"\n", ":2: fleet_mint_secret must be"),
    ("sever_auth:\n  issuer: a\n", ":1: unknown section sever_auth"),
    ("server_auth: 7\n", ":1: server_auth must be a mapping"),
    ("- a\n", ":1: expected a section"),
    ("server_auth:\n  issuer: [\n", ":3: "),
    ("server_auth: {}\n---\nserver_auth: {}\n", ":3: a second document"),
    ("server_auth: &a\n  issuer: *a\n", ""),
  ])
  func aMistakeIsRefusedByNameFileAndLine(_ yaml: String, _ complaint: String) {
    let mistakes = mistakes(yaml)
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.contains("config.yaml\(complaint)") == true, "\(mistakes)")
  }

  @Test(arguments: [
    ("SERVER_AUTH_ISUER", "x", "there is no such setting"),
    ("SERVER_AUTH_CHALLENGE_TTL_SECONDS", "", "must be a whole number"),
    ("SERVER_AUTH_AUTO_CREATE_ADMIN", "yes", "must be true or false"),
    ("SERVER_AUTH_ISSUER_FILE", "/dev/null", "there is no such setting"),
    ("SERVER_AUTH_KEY_PASSPHRASE_FILE", "/nowhere", "No such file"),
  ])
  func aMistakeInTheEnvironmentIsRefusedByName(_ variable: String, _ value: String, _ reason: String) {
    let mistakes = mistakes(nil, [variable: value])
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.contains(variable) == true)
    #expect(mistakes.first?.contains(reason) == true, "\(mistakes)")
  }

  @Test func allMistakesAreToldAtOnce() {
    let yaml = "server_auth:\n  a: 1\n  b: 2\n"
    #expect(mistakes(yaml, ["SERVER_AUTH_C": "3"]).count == 3)
  }

  @Test func secretsComeFromFilesTooAndAreMasked() throws {
    let file = try folder.write("secret", "first-secret-0123456789\n")
    let configuration = try load(
      "server_auth:\n  key_passphrase: second-secret\n",
      [
        "SERVER_AUTH_FLEET_MINT_SECRET_FILE": file, "SERVER_AUTH_ADMIN_PASSWORD": "third-secret",
      ])
    #expect(configuration.settings.fleetSecret == "first-secret-0123456789")
    let shown = SettingDeclarations.all.map { $0.display(configuration.settings) }.joined(separator: "\n")
    #expect(!shown.contains("-secret"))
    #expect(shown.components(separatedBy: "********").count == 4)
  }

  @Test func aSecretSetTwiceIsRefused() {
    let mistakes = mistakes(
      nil, ["SERVER_AUTH_KEY_PASSPHRASE": "a", "SERVER_AUTH_KEY_PASSPHRASE_FILE": "/dev/null"])
    #expect(mistakes.first?.contains("both set") == true)
  }

  @Test func aPlainPasswordIsWarnedOf() throws {
    let configuration = try load("server_auth:\n  auto_create_admin: true\n  admin_password: s3cret\n")
    #expect(configuration.warnings.contains { $0.contains("hash-password") })
    #expect(!configuration.warnings.contains { $0.contains("s3cret") })
  }

  @Test func anEmptyFileIsNoMistake() throws {
    for yaml in ["", "# nothing\n", "server_auth:\n", "server_auth:\n  issuer:\n"] {
      #expect(try load(yaml).settings.issuer == "http://localhost:8100")
    }
  }

  /// What a supervisor hands to its workers means what it read itself.
  @Test func aDocumentMeansTheSame() throws {
    try folder.write("secret", "from \"a\" file: #1\\\u{e9}\n")
    let given = try load(
      """
      server_auth:
        issuer: "https://a.example/?x=%22"
        base_path: /
        challenge_ttl_seconds: 30
        supported_wallet_algorithms: [Ed25519]
        trusted_proxies: ["10.0.0.0/8", "::1"]
        mint_audit_required: false
        admin_email: "true"
      """, ["SERVER_AUTH_KEY_PASSPHRASE_FILE": folder.file("secret"), "SERVER_AUTH_AUDIENCE": "7"])
    try folder.write("document.yaml", String(decoding: given.document(), as: UTF8.self))
    let taken = try Configuration(file: folder.file("document.yaml"), environment: [:])
    #expect(given.settings.keyPassphrase == "from \"a\" file: #1\\\u{e9}")
    #expect(taken.settings.keyPassphrase == given.settings.keyPassphrase)
    for setting in SettingDeclarations.all {
      #expect(setting.display(taken.settings) == setting.display(given.settings), "\(setting.name)")
    }
  }

  @Test(arguments: ["10.0.0.0/33", "10.0.0", "proxy.example", "10.0.0.0/", "::/129", "10.0.0.0/8/8", ""])
  func aRangeThatIsNoneIsRefused(_ range: String) {
    let mistakes = mistakes("server_auth:\n  trusted_proxies: [\"\(range)\"]\n")
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.contains("trusted_proxies has \(range), which is neither") == true)
  }

  @Test(arguments: [
    ("session_store_path", "/s/mints.jsonl", "mint_audit_path"),
    ("throttle_store_path", "/s/sessions.dat", "session_store_path"),
    ("throttle_store_path", "/s/sessions.dat.subjects", "session_store_path"),
    ("mint_audit_path", "/s/revocations.jsonl.lock", "revocation_store_path"),
  ])
  func aFileBelongsToOneStore(_ key: String, _ path: String, _ owner: String) {
    let mistakes = mistakes("server_auth:\n  state_dir: /s\n  \(key): \(path)\n")
    #expect(mistakes.contains { $0.contains("\(key) is \(path), which belongs to \(owner)") }, "\(mistakes)")
  }

  @Test(arguments: ["co", "example.org.", ".example.org", "a b.org", "127.0.0.1", "exämple.org", "-a.org"])
  func aCookiesDomainIsOne(_ domain: String) {
    let mistakes = mistakes("server_auth:\n  cookie_name: pico\n  cookie_domain: \"\(domain)\"\n")
    #expect(mistakes.first?.contains("cookie_domain must be a domain") == true, "\(mistakes)")
  }

  /// libyaml refuses some characters that JSON may hold, and reads others as line breaks.
  @Test(arguments: ["a\u{7f}b", "a\u{85}b", "a\u{2028}b", "a\u{feff}b", "a\u{fffe}b", "\u{1f600}\u{e9}"])
  func aDocumentHoldsEveryCharacter(_ text: String) throws {
    let given = try load(nil, ["SERVER_AUTH_AUDIENCE": text])
    try folder.write("document.yaml", String(decoding: given.document(), as: UTF8.self))
    let taken = try Configuration(file: folder.file("document.yaml"), environment: [:])
    #expect(taken.settings.audience.unicodeScalars.elementsEqual(text.unicodeScalars))
  }

  /// The list that is made while the declarations are initialized has each of them, in their order.
  @Test func everyDeclarationIsListed() {
    let properties = Mirror(reflecting: SettingDeclarations.shared).children.compactMap {
      ($0.value as? any SettingDeclaration)?.name
    }
    #expect(properties.count > 30)
    #expect(SettingDeclarations.all.map(\.name) == properties)
  }
}
