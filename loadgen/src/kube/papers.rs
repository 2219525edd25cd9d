//! The authority and the certificate of the stand-in, made anew for each run.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// PEM of the authority, and what accepts connections with a certificate by it.
pub(super) fn make() -> Result<(String, TlsAcceptor), String> {
    let failed = |error: rcgen::Error| error.to_string();
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, "tailproof stand-in cluster");
    let authority_key = KeyPair::generate().map_err(failed)?;
    let authority = params.self_signed(&authority_key).map_err(failed)?;
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().map_err(failed)?;
    let names = ["localhost", "127.0.0.1", "kubernetes.default.svc"].map(str::to_owned);
    let certificate = CertificateParams::new(names).map_err(failed)?.signed_by(&key, &issuer).map_err(failed)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private))
        .map_err(|error| error.to_string())?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}
