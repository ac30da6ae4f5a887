/// What lets lighttpd ask the gate, and passes on who was let through.
extension DeploymentValues {
  var lighttpdGate: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-gate.conf", text: lighttpdGuard),
      DeploymentFile(name: "pico-auth-open.conf", text: lighttpdOpen),
      DeploymentFile(name: "pico-auth-targets.conf", text: lighttpdTargets),
    ]
  }

  private var lighttpdGuard: String {
    """
    # For a condition such as $HTTP["url"] =~ "^/reports(/|$)" { ... }: lets through whom the gate lets through. Needs
    # pico-auth-targets.conf outside of every condition.
    # In server.modules, mod_setenv comes before mod_fastcgi, and mod_fastcgi before every other module that answers requests
    # (mod_cgi, mod_scgi, mod_wstunnel ...): what comes before it answers without asking the gate. mod_proxy can't be guarded.
    # Requirements are set beside it; any one entry of a list is enough:
    # setenv.add-environment = ("PICO_AUTH_REQUIRE_ROLE" => "operator,auditor"), ..._SCOPE, ..._GROUP, ..._AUDIENCE.
    # A condition within must not have setenv lines of its own: they would take the place of these.
    # Once before it: var.pico_auth_docroot = what server.document-root is, where lighttpd then looks for the page;
    # alias.url doesn't count behind the gate.

    fastcgi.server += ("/" => ((
      \(lighttpdAddress),
      "mode" => "authorizer",
      "docroot" => var.pico_auth_docroot,
      "check-local" => "disable"
    )))

    # The application is told in variables that no client can set: REMOTE_USER, REMOTE_GROUPS, X_AUTH_SUBJECT, X_AUTH_ROLE
    # and so on. \(lighttpdCleared)
    """
  }

  private var lighttpdOpen: String {
    """
    # For a condition on paths that anybody may reach, beside guarded ones: the application is told no identity, whatever the
    # client says of itself. Needs mod_setenv before the modules that answer requests.

    # \(lighttpdCleared)
    """
  }

  private var lighttpdCleared: String {
    // Spellings that lighttpd would hand over under the same name.
    let names = IdentityField.all.flatMap { [$0.name, $0.underscored] }
    let cleared = names.map { "  \"\($0)\" => \"\"" }.joined(separator: ",\n")
    return """
      It must not look at those that begin with HTTP_, which are what the client says of itself; lighttpd turns any
      # punctuation into an underscore there, so not every spelling can be taken out.
      setenv.set-request-header += (
      \(cleared)
      )

      """
  }

  private var lighttpdTargets: String {
    """
    # Outside of every condition, where a site has guarded places: lighttpd chooses a condition by the path as it reads it, and
    # REQUEST_URI holds the path as it came. `..`, `//`, `%2F` and the like, which may lead the application elsewhere, are
    # refused.

    server.modules += ("mod_access")

    server.http-parseopts = (
      "url-path-2f-decode" => "disable",
      "url-path-2f-reject" => "enable",
      "url-path-dotseg-remove" => "disable",
      "url-path-dotseg-reject" => "enable"
    )

    # lighttpd has no option for backslashes and for `..;`.
    $HTTP["url"] =~ "\\x5c|/[.]{1,2};" { url.access-deny = ("") }

    """
  }
}
