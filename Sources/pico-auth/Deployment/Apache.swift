import Supervision

extension DeploymentValues {
  var apache: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-proxy.conf", text: apacheProxy),
      DeploymentFile(name: "pico-auth-fcgid.conf", text: apacheFcgid),
      DeploymentFile(name: "pico-auth-cgi.conf", text: apacheCGI),
    ] + apacheGate
  }

  private var apacheProxy: String {
    """
    # Apache in front of `pico-auth serve`: for a virtual host. Needs `a2enmod proxy_fcgi`.
    \(apachePreamble)
    # Not reused: every process of Apache would keep connections of its own, and opening one on this host costs little.
    ProxyPass "\(basePath)/" "\(apacheBackend)\(basePath)/"
    ProxyPass "\(keySetPath)" "\(apacheBackend)\(keySetPath)"
    \(apacheRules())
    """
  }

  private var apacheFcgid: String {
    """
    # Apache that starts pico-auth itself: for a virtual host. Needs `a2enmod fcgid`. The processes run as Apache's user,
    # so that user must be able to read \(configFile) and to write to \(stateFolder). A change of the
    # configuration needs a restart of Apache.
    \(apachePreamble)
    FcgidInitialEnv PICO_AUTH_CONFIG \(configFile)
    # mod_fcgid gives a process one request at a time, so processes are what counts, and a thread in each is enough.
    FcgidInitialEnv PICO_AUTH_THREADS 1
    FcgidMinProcessesPerClass \(workers)
    FcgidMaxProcessesPerClass \(workers * threads)
    # Processes leak nothing that a restart would heal.
    FcgidIdleTimeout 0
    FcgidProcessLifeTime 0
    # By default 131072, and a 500 beyond it.
    FcgidMaxRequestLen \(bodyLimit)

    \(apacheAliases)
    \(apacheRules("SetHandler fcgid-script", "Options +ExecCGI"))
    """
  }

  private var apacheCGI: String {
    """
    # Apache that runs pico-auth anew for each request, for hosts with little traffic: for a virtual host. Needs `a2enmod
    # cgi`. The processes run as Apache's user, so that user must be able to read \(configFile) and to
    # write to \(stateFolder).
    \(apachePreamble)
    \(apacheAliases)
    \(apacheRules("SetEnv PICO_AUTH_CONFIG \(configFile)", "Options +ExecCGI", "SetHandler cgi-script"))
    """
  }

  /// With the slash: the program isn't what is at the base path itself, to be sent.
  private var apacheAliases: String {
    """
    ScriptAlias "\(basePath)/" "\(program)/"
    ScriptAliasMatch "^\(Self.escaped(keySetPath))$" "\(program)"
    """
  }

  private var apachePreamble: String {
    """
    # Apache can't limit how fast one address asks: let fail2ban read pico-auth's log, by the filter fail2ban/pico-auth.conf.

    # An ML-DSA-65 access token is about 11 KB long. Must come before the first virtual host of an address and port, or in it.
    LimitRequestFieldSize 32768

    """
  }

  private func apacheRules(_ lines: String...) -> String {
    let extra = lines.map { "  \($0)\n" }.joined()
    return """

      <LocationMatch "\(pathPattern)">
        # Without it there is no bearer token.
        CGIPassAuth On
        # pico-auth refuses bodies over 64 KiB (max_request_body_bytes) by itself. Bytes.
        LimitRequestBody \(bodyLimit)
        Require all granted
      \(extra)</LocationMatch>

      # Only web servers ask it. For a proxy that asks over HTTP, such as Caddy or Traefik, make a virtual host without this
      # section, on an address that only the proxy reaches.
      <Location "\(path("/verify"))">
        RedirectMatch 404 "^"
      </Location>

      """
  }

  private var apacheBackend: String {
    switch listen {
    case .unix(let path): "unix:\(path)|fcgi://pico-auth"
    case .tcp: "fcgi://\(listen)"
    }
  }
}
