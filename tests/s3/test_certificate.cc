#include "test_certificate.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

namespace skipjack::s3 {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void extend(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate::TestCertificate(const std::string& names)
    : key_(EVP_EC_gen("P-256")),
      certificate_(X509_new()),
      context_(SSL_CTX_new(TLS_server_method())) {
  X509* const certificate = certificate_.get();
  require(key_ && certificate && context_);
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("skipjack test"), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_set_pubkey(certificate, key_.get());
  extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, NID_subject_alt_name, names.c_str());
  require(X509_sign(certificate, key_.get(), EVP_sha256()) > 0);
  require(SSL_CTX_use_certificate(context_.get(), certificate) == 1 &&
          SSL_CTX_use_PrivateKey(context_.get(), key_.get()) == 1);
}

void TestCertificate::write_pem(const std::filesystem::path& path) const {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  require(file != nullptr && PEM_write_X509(file, certificate_.get()) == 1 &&
          std::fclose(file) == 0);
}

}  // namespace skipjack::s3
