import Supervision

/// What lets Apache ask the gate, and passes on who was let through.
extension DeploymentValues {
  var apacheGate: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-gate-authnz.conf", text: apacheAuthnz),
      DeploymentFile(name: "pico-auth-gate-fcgid.conf", text: apacheAccessChecker),
      DeploymentFile(name: "pico-auth-open.conf", text: apacheOpen),
    ]
  }

  private var apacheAuthnz: String {
    """
    # For a <Location "/reports">, without a slash at its end, which would leave /reports open: lets through whom the gate
    # lets through. Needs `a2enmod authnz_fcgi authz_user setenvif headers`,
    # `pico-auth serve --listen HOST:PORT`, as mod_authnz_fcgi knows no unix sockets, and once, outside of any virtual host:
    #   AuthnzFcgiDefineProvider authn pico-auth fcgi://\(apacheTCP)/
    \(apacheRequirements)

    CGIPassAuth On
    AuthType None
    AuthnzFcgiCheckAuthnProvider pico-auth Authoritative On RequireBasicAuth Off UserExpr "%{reqenv:REMOTE_USER}"
    <RequireAll>
      Require valid-user
      Require expr "-z reqenv('FORGED_IDENTITY')"
    </RequireAll>

    \(apacheIdentity)
    """
  }

  private var apacheAccessChecker: String {
    """
    # For a <Location "/reports">, without a slash at its end, which would leave /reports open: lets through whom the gate
    # lets through, which mod_fcgid starts itself. Needs `a2enmod fcgid setenvif headers`, and once, outside of any
    # <Location>: FcgidInitialEnv PICO_AUTH_CONFIG \(configFile)
    # mod_fcgid makes a 401 of every refusal.
    \(apacheRequirements)

    CGIPassAuth On
    FcgidAccessChecker "\(program)"
    FcgidAccessCheckerAuthoritative On
    Require expr "-z reqenv('FORGED_IDENTITY')"

    \(apacheIdentity)
    """
  }

  private var apacheRequirements: String {
    """
    # Requirements are set beside it; any one entry of a list is enough:
    #   SetEnvIfExpr true PICO_AUTH_REQUIRE_ROLE=operator,auditor
    # Likewise ..._SCOPE, ..._GROUP, ..._AUDIENCE; SetEnvIfExpr true PICO_AUTH_PASS_TOKEN=1 to have the token passed on too. SetEnv
    # would come too late.
    """
  }

  private var apacheIdentity: String {
    let fields = IdentityField.all.map {
      """
      RequestHeader set \($0.name) "expr=%{reqenv:\($0.variable)}" "expr=-n reqenv('\($0.variable)')"
      RequestHeader unset \($0.name) "expr=-z reqenv('\($0.variable)')"
      """
    }.joined(separator: "\n")
    return """
      # The application is told in variables (REMOTE_USER, X_AUTH_ROLE) and in fields, in place of whatever the client says of
      # itself. \(apacheForgeries)
      \(fields)

      \(apacheTargets)
      """
  }

  private var apacheOpen: String {
    let fields = IdentityField.all.map { "RequestHeader unset \($0.name)" }.joined(separator: "\n")
    return """
      # For a <Location> that anybody may reach, beside guarded ones: the application is told no identity, whatever the client
      # says of itself. Needs `a2enmod setenvif headers`. Other lines that allow requests don't count beside it.

      <RequireAll>
        Require all granted
        Require expr "-z reqenv('FORGED_IDENTITY')"
      </RequireAll>

      # \(apacheForgeries)
      \(fields)

      \(apacheTargets)
      """
  }

  private var apacheForgeries: String {
    """
    Other spellings of the names are refused, as some applications take them for the same; and a client
    # mustn't have mod_proxy drop the fields as belonging to its connection (RFC 9110, section 7.6.1).
    SetEnvIfNoCase "^(?=.*[^a-z0-9-])(remote|x[^a-z0-9]auth)[^a-z0-9]" "." FORGED_IDENTITY
    RequestHeader edit* Connection "(?i)(remote|x-auth)-[a-z-]+" "close"
    """
  }

  /// The request line's target: `http://host` is skipped, whose slashes are no empty segment.
  private var apacheTargets: String {
    """
    # Apache chooses a <Location> by the path as it reads it, and REQUEST_URI holds the path as it came: `..`, `//`, `%2F` and
    # the like may lead the application elsewhere.
    <If "%{THE_REQUEST} =~ m#^\\S+ (?:[a-z]+://[^/? ]*)?+[^? ]*(\(Self.ambiguousPart.replacing("[/;?]", with: "[/;? ]")))#i">
      RedirectMatch 400 "^"
    </If>

    """
  }

  private var apacheTCP: String {
    if case .tcp = listen { "\(listen)" } else { "127.0.0.1:9000" }
  }
}
