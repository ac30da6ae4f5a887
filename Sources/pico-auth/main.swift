import ArgumentParser
import Crypto
import HTTPTypes
import Logging
print("x")
