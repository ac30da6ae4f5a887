import CGI
import HTTPTypes
import Tokens

/// Decides whether a request may pass. A credential is read from it and authenticated, and the identity is held against
/// requirements: for web servers that ask, for this program's own routes, and for programs that embed them.
public struct AccessGate: Sendable {
  private let authenticator: Authenticator
  private let reader: CredentialReader

  /// - Parameter cookie: the cookie that a token may come in; nil where none may.
  public init(authenticator: Authenticator, cookie: SessionCookie?) {
    self.authenticator = authenticator
    reader = CredentialReader(cookie: cookie)
  }

  /// Somebody who may pass, and the token that says so.
  public struct Admission: Sendable {
    public let identity: Identity
    public let credential: Credential

    /// The identity headers.
    /// - Parameter withToken: whether the application is to have the token itself.
    public func fields(_ form: IdentityHeader.Form, withToken: Bool) -> HTTPFields {
      IdentityHeader.fields(of: identity, form, token: withToken ? credential.token : nil)
    }
  }

  /// Decides on a request that a web server asks about.
  /// - Parameter requirements: all of them must be met.
  /// - Throws: ``Refusal``; `StoreError` where the store can't tell whether the token was revoked.
  public func admit(_ request: Request, _ requirements: [Requirements]) throws -> Admission {
    let inputs = GateInputs(request)
    return try naming(requirements) {
      let credential = try reader.credential(in: inputs)
      let identity = try decide(credential, agent: { try reader.agent(in: inputs) }, requirements)
      return Admission(identity: identity, credential: credential)
    }
  }

  /// Decides on a request to a route of a program that has this gate in it.
  /// - Throws: `Problem`, which is the answer then; `StoreError`.
  public func admit(
    _ request: Request, requiring requirements: Requirements = Requirements()
  ) throws -> Identity {
    do {
      return try admit(request, [requirements]).identity
    } catch let refusal as Refusal {
      throw refusal.problem
    }
  }

  /// Decides on a request to one of this program's own routes: nothing but the Authorization field counts.
  /// - Throws: ``Refusal``; `StoreError`.
  public func admitBearer(_ request: Request, requiring requirements: Requirements) throws -> Identity {
    try naming([requirements]) {
      try decide(try reader.bearer(in: GateInputs(request)), agent: { nil }, [requirements])
    }
  }

  /// The decision itself.
  func decide(
    _ credential: Credential, agent: () throws -> Credential?, _ requirements: [Requirements],
    _ run: CheckRun = .enforcing
  ) throws -> Identity {
    let claims = try authenticator.authenticate(credential, run)
    let agent = try agent().map { try authenticator.authenticate($0) }
    let identity = Identity(claims: claims, agent: agent)
    for requirement in requirements { try requirement.check(identity, run) }
    do {
      try run.conclude()
    } catch let error as TokenError {
      throw Refusal(for: error, credential.kind)
    }
    return identity
  }

  /// Tells a refused client which roles and scopes would do. RFC 6750, section 3.
  private func naming<Value>(_ requirements: [Requirements], _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let refusal as Refusal {
      throw refusal.naming(requirements.flatMap { $0.roles + $0.scopes })
    }
  }
}
