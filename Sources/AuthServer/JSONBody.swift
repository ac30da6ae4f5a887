import CGI
import HTTPTypes
import Wire

/// Reads the JSON object that every POST carries.
struct JSONBody: Sendable {
  /// Bytes.
  let limit: Int

  func read(_ request: Request) throws -> JSONObject {
    guard request.hasJSONMediaType else {
      throw Problem(
        .unsupportedMediaType, "Content-Type must be application/json",
        fields: [.accept: "application/json"])
    }
    let bytes: [UInt8]
    do throws(BodyError) {
      bytes = try request.body(limit: limit)
    } catch {
      throw error.problem(limit: limit)
    }
    do throws(JSONError) {
      return try JSONObject(parsing: bytes)
    } catch {
      throw Problem(.badRequest, "body must be a JSON object: \(error)")
    }
  }
}

extension JSONObject {
  /// A member's text; empty where it is missing.
  /// - Throws: ``Problem`` 400 that names the member where it is no string.
  func text(_ name: String) throws(Problem) -> String {
    guard let value = self[name] else { return "" }
    guard let text = value.string else {
      throw Problem(.badRequest, "\(name) must be a string")
    }
    return text
  }

  /// As ``text(_:)``, for what ends up in tokens and records.
  /// - Throws: ``Problem`` 400 that names the member, also where it is over 4096 bytes: an ML-DSA-65 address has
  ///   3904.
  func shortText(_ name: String) throws(Problem) -> String {
    let text = try text(name)
    guard text.utf8.count <= 4096 else { throw Problem(.badRequest, "\(name) is too long") }
    return text
  }

  /// A member's text; nil where it is missing or null.
  /// - Throws: ``Problem`` 400 that names the member where it is anything else.
  func optionalText(_ name: String) throws(Problem) -> String? {
    guard let value = self[name], !value.isNull else { return nil }
    return try shortText(name)
  }
}
