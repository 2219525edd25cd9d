//! TLS as the keys of a section ask for it: `tls`, `tls.verify`, `tls.verify_hostname`, `tls.ca_file`, `tls.ca_path`,
//! `tls.crt_file`, `tls.key_file`, `tls.vhost`.
//!
//! A server needs a certificate and its key; with `tls.verify on` and a `tls.ca_file` it admits only clients whose
//! certificate that authority signed. A client checks the server unless `tls.verify off`, against `tls.ca_file`,
//! `tls.ca_path` or the authorities of the system. Files are read when the connection is set up, so that an error names
//! the file and a renewed certificate counts from the next start.

mod files;
mod verify;

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
    server::WebPkiClientVerifier,
};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::{
    error::{At, Problem},
    keys::Keys,
};

/// What a server shows and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsServer {
    /// Its certificate and those between it and the authority, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// Authorities whose clients are admitted; none: everybody.
    pub authorities: Option<PathBuf>,
}

/// What a client demands and shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsClient {
    /// Whether the server's certificate is checked.
    pub verify: bool,
    /// Whether its name is checked as well.
    pub verify_hostname: bool,
    /// Authorities, a file or a folder; none: those of the system.
    pub authorities: Option<PathBuf>,
    /// Certificate and key to show.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name to ask for instead of the host.
    pub name: Option<String>,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {path}: {error}; check the path and its permissions")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("use {path}: it holds no {what}; give a PEM file with one")]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// Certificate and key do not go together, or are not usable.
    #[error("use {path}: {reason}; give a certificate and the key that belongs to it")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system has no authorities.
    #[error("find the certificate authorities of the system; name them with tls.ca_file")]
    NoAuthorities,
    /// The name cannot stand in a certificate.
    #[error("ask for the server {0:?}: it is no host name; set tls.vhost")]
    Name(String),
}

/// What the keys of an input ask for; none without `tls on`.
pub(crate) fn server(keys: &Keys<'_>) -> At<Option<TlsServer>> {
    if !on(keys)? {
        return Ok(None);
    }
    let verify = keys.boolean("tls.verify", true)?;
    let authorities = keys.text("tls.ca_file").map(PathBuf::from);
    Ok(Some(TlsServer {
        certificate: keys.need("tls.crt_file")?.value.clone().into(),
        key: keys.need("tls.key_file")?.value.clone().into(),
        authorities: authorities.filter(|_| verify),
    }))
}

/// What the keys of an output ask for; none without `tls on`.
pub(crate) fn client(keys: &Keys<'_>) -> At<Option<TlsClient>> {
    if !on(keys)? {
        return Ok(None);
    }
    let identity = match (keys.get("tls.crt_file"), keys.get("tls.key_file")) {
        (Some(certificate), Some(key)) => Some((certificate.value.clone().into(), key.value.clone().into())),
        (None, None) => None,
        (one, other) => {
            let line = one.or(other).map_or(keys.place(), |entry| entry.line);
            return Err((line, Problem::Contradiction("`tls.crt_file` and `tls.key_file` go together; give both")));
        }
    };
    Ok(Some(TlsClient {
        verify: keys.boolean("tls.verify", true)?,
        verify_hostname: keys.boolean("tls.verify_hostname", true)?,
        authorities: keys.text("tls.ca_file").or_else(|| keys.text("tls.ca_path")).map(Into::into),
        identity,
        name: keys.text("tls.vhost"),
    }))
}

/// Whether TLS is on; its other keys mean nothing without it.
fn on(keys: &Keys<'_>) -> At<bool> {
    keys.boolean("tls", false)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl TlsServer {
    /// What turns accepted connections into TLS ones.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has the versions that are built in");
        let builder = match &self.authorities {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(files::authorities(Some(path))?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| unusable(path, &error))?)
            }
        };
        let (chain, key) = (files::certificates(&self.certificate)?, files::key(&self.key)?);
        let config = builder.with_single_cert(chain, key).map_err(|error| unusable(&self.certificate, &error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl TlsClient {
    /// What turns connections to `host` into TLS ones, and the name to ask for.
    pub fn connector(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), TlsError> {
        let asked = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(asked.to_owned()).map_err(|_| TlsError::Name(asked.to_owned()))?;
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has the versions that are built in");
        let roots = if self.verify { files::authorities(self.authorities.as_deref())? } else { RootCertStore::empty() };
        let builder = if self.verify && self.verify_hostname {
            builder.with_root_certificates(roots)
        } else if self.verify {
            let path = self.authorities.clone().unwrap_or_default();
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            let verifier = verifier.map_err(|error| unusable(&path, &error))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verify::AnyName(verifier)))
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verify::Anybody(provider())))
        };
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(files::certificates(certificate)?, files::key(key)?)
                .map_err(|error| unusable(certificate, &error))?,
        };
        Ok((TlsConnector::from(Arc::new(config)), name))
    }
}

fn unusable(path: &std::path::Path, error: &impl ToString) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
pub(crate) mod tests;
