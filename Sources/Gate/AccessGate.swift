// The module Gate owns the decision on a request: it reads a credential, authenticates it, checks the identity
// against requirements, and turns a refusal into an answer. It owns the identity headers too. It knows no routes, no
// settings and no web server's configuration. It issues no tokens: Tokens does.

import CGI
import HTTPTypes
import Stores
import Tokens

/// Decides whether a request passes. The gate reads a credential from the request, authenticates it, and checks the
/// identity against requirements.
///
/// The gate serves web servers that ask about their clients' requests, the routes of this program, and programs that
/// embed it. Any number of threads may call it at once.
public struct AccessGate: Sendable {
  private let authenticator: Authenticator
  private let reader: CredentialReader

  /// - Parameters:
  ///   - authenticator: checks each credential.
  ///   - cookie: the cookie that may open a session; nil if the gate reads no cookie.
  public init(authenticator: Authenticator, cookie: SessionCookie?) {
    self.authenticator = authenticator
    reader = CredentialReader(cookie: cookie)
  }

  /// The result for a request that passes: the identity, and the credential that it comes from.
  public struct Admission: Sendable {
    /// The claims of the credential, and of the agent's token if there is one.
    public let identity: Identity
    /// The credential that the gate authenticated. It is never the agent's.
    public let credential: Credential

    /// The identity headers, for the web server's answer to its client or for the application.
    /// - Parameters:
    ///   - form: how the web server reads them.
    ///   - token: the access token for `X-Auth-Request-Access-Token`; nil to leave that header out.
    public func fields(_ form: IdentityHeader.Form, token: String?) -> HTTPFields {
      IdentityHeader.fields(of: identity, form, token: token)
    }
  }

  /// Decides on a request that a web server asks about. The credential may come in the Authorization field or the
  /// cookie.
  /// - Parameter requirements: the identity must meet all of them.
  /// - Throws: ``Refusal``; `StoreError` if the store can't tell whether the token is revoked.
  public func admit(_ inputs: GateInputs, _ requirements: [Requirements]) throws -> Admission {
    try naming(requirements) {
      let credential = try reader.credential(in: inputs)
      let identity = try decide(credential, agent: { try reader.agent(in: inputs) }, requirements)
      return Admission(identity: identity, credential: credential)
    }
  }

  /// Decides on a request to one of this program's own routes. The credential may come in the Authorization field or
  /// the cookie. No agent's token counts.
  /// - Throws: ``Refusal``; `StoreError` if a store can't tell whether the credential is good.
  public func admitOwn(_ inputs: GateInputs, requiring requirements: Requirements) throws -> Identity {
    try naming([requirements]) {
      try decide(try reader.credential(in: inputs), agent: { nil }, [requirements])
    }
  }

  /// The session whose cookie a request has, besides any other credential; nil if it has none that is good.
  /// - Throws: `StoreError` if the store can't tell.
  public func sessionOfCookie(in inputs: GateInputs) throws -> Session? {
    do {
      guard let value = try reader.cookie?.value(in: inputs) else { return nil }
      return try authenticator.authenticate(cookie: value).session
    } catch is Refusal {
      return nil
    }
  }

  /// Authenticates a credential and checks its identity against requirements.
  /// - Parameters:
  ///   - agent: returns the agent's credential; nil if the request has none.
  ///   - requirements: the identity must meet all of them.
  ///   - run: reports each check to its observer, if it has one.
  /// - Throws: ``Refusal``; `StoreError` if the store can't tell whether a token is revoked.
  func decide(
    _ credential: Credential, agent: () throws -> Credential?, _ requirements: [Requirements],
    _ run: CheckRun = .enforcing
  ) throws -> Identity {
    do {
      let (claims, session) = try authenticate(credential, run)
      let agent = try agent().map { try authenticator.authenticate($0) }
      let identity = Identity(claims: claims, session: session, agent: agent)
      for requirement in requirements { try requirement.check(identity, run) }
      try run.conclude()
      return identity
    } catch {
      // An observed run goes on after a failure. The first failure is the one that the client gets.
      switch run.firstFailure ?? error {
      case let error as TokenError: throw Refusal(for: error, credential.kind)
      case let error: throw error
      }
    }
  }

  private func authenticate(_ credential: Credential, _ run: CheckRun) throws -> (Claims, Session?) {
    if credential.kind == .cookie {
      let (claims, session) = try authenticator.authenticate(cookie: credential.token)
      return (claims, session)
    }
    return (try authenticator.authenticate(credential, run), nil)
  }

  /// Adds the required roles and scopes to a refusal, for the `scope` parameter of WWW-Authenticate. RFC 6750,
  /// section 3.
  private func naming<Value>(_ requirements: [Requirements], _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let refusal as Refusal {
      throw refusal.naming(requirements.flatMap { $0.roles + $0.scopes })
    }
  }
}
