// A certificate made on the spot, signed by itself, for the TLS of a test's server.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>

namespace skipjack::s3 {

class TestCertificate {
 public:
  /// names: as in X.509's subjectAltName, "IP:127.0.0.1" or "DNS:localhost".
  explicit TestCertificate(const std::string& names);

  void write_pem(const std::filesystem::path& path) const;
  /// A server's, that shows it.
  SSL_CTX* server_context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace skipjack::s3
