import Glibc
import HTTPTypes
import Testing

@testable import CGI

@Suite struct RequestTests {
  private func variables(_ entries: [String]) -> MetaVariables {
    var pointers: [UnsafeMutablePointer<CChar>?] = entries.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer {
      MetaVariables(environment: UnsafePointer($0.baseAddress!))
    }
  }

  @Test func readsAnEnvironment() {
    let read = variables([
      "PATH=/bin", "REQUEST_METHOD=POST", "HTTP_ACCEPT=a=b", "HTTP_AUTHORIZATION=", "NOEQUALS", "=x",
      "HTTP_PROXY=evil", "HTTP_X_FLEET_SECRETS=no",
    ])
    #expect(read[.requestMethod] == "POST")
    #expect(read[.accept] == "a=b")
    #expect(read[.authorization] == "")
    #expect(read[.fleetSecret] == nil)
  }

  @Test func aFieldSentTwiceBecomesAListAndSoNoCredential() {
    let read = variables(["HTTP_AUTHORIZATION=Bearer a", "HTTP_AUTHORIZATION=Bearer b"])
    #expect(read[.authorization] == "Bearer a, Bearer b")
  }

  private func body(_ bytes: [UInt8], length: String?, limit: Int = 10) throws(BodyError) -> [UInt8] {
    var variables = MetaVariables()
    variables[.contentLength] = length
    return try Request(variables: variables, body: BytesBody(bytes)).body(limit: limit)
  }

  @Test func aBodyIsAsLongAsItSays() throws {
    #expect(try body([1, 2, 3], length: "3") == [1, 2, 3])
    #expect(try body([1, 2, 3], length: nil) == [1, 2, 3])
    #expect(try body([1, 2, 3], length: "") == [1, 2, 3])
    #expect(throws: BodyError.lengthMismatch) { try body([1, 2, 3], length: "4") }
    #expect(throws: BodyError.lengthMismatch) { try body([1, 2, 3], length: "2") }
    #expect(throws: BodyError.lengthMismatch) { try body([1, 2, 3], length: "0") }
  }

  @Test(arguments: ["-1", "+3", "3 ", "0x3", "3,3", "three"])
  func aLengthIsANumber(_ length: String) {
    #expect(throws: BodyError.invalidLength) { try body([1, 2, 3], length: length) }
  }

  @Test func aBodyHasALimit() {
    let long = [UInt8](repeating: 0, count: 11)
    #expect(throws: BodyError.tooLarge) { try body(long, length: "11") }
    #expect(throws: BodyError.tooLarge) { try body(long, length: nil) }
    #expect(throws: BodyError.tooLarge) { try body([], length: "99999999999999999999999999") }
  }

  @Test(arguments: [
    (nil, true), ("", true), ("application/json", true), ("Application/JSON; charset=utf-8", true),
    ("text/plain", false), ("application/x-www-form-urlencoded", false), ("application/jsonp", false),
    ("application/json, text/plain", false),
  ])
  func onlyJSONIsJSON(_ type: String?, _ isJSON: Bool) {
    var variables = MetaVariables()
    variables[.contentType] = type
    #expect(Request(variables: variables).hasJSONMediaType == isJSON)
  }

  @Test(arguments: [
    ("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false),
    ("", false),
  ])
  func comparesEntityTags(_ list: String, _ has: Bool) {
    var variables = MetaVariables()
    variables[.ifNoneMatch] = list
    #expect(Request(variables: variables).ifNoneMatch(has: "\"a\"") == has)
  }

  @Test func anEmbeddedRequestTakesFieldsByTheirExactNames() {
    var fields = HTTPFields()
    fields[HTTPField.Name("X_Fleet_Secret")!] = "smuggled"
    fields[.authorization] = "Bearer x"
    let request = Request(method: .get, target: "/a?b=c", fields: fields)
    #expect(request.path == "/a")
    #expect(request.variables[.queryString] == "b=c")
    #expect(request.variables[.authorization] == "Bearer x")
    #expect(request.variables[.fleetSecret] == nil)
  }

  /// Each bit stands for one input.
  @Test(arguments: RequestInput.allCases.filter(\.isHeaderField))
  func aFieldThatComesTwiceIsNoticed(_ input: RequestInput) {
    var variables = MetaVariables()
    for count in 1...2 {
      var name = input.variable
      name.withUTF8 { name in
        variables.add(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(name))
      }
      #expect(RequestInput.allCases.allSatisfy { variables.isRepeated($0) == (count == 2 && $0 == input) })
    }
  }
}
