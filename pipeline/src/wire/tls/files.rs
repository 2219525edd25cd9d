//! Certificates and keys from PEM files.

use std::path::{Path, PathBuf};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::TlsError;

/// Where systems keep their authorities.
const SYSTEM: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// A file larger than this is no certificate, bytes.
const FILE_MAX: u64 = 16 << 20;

pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(TlsError::Nothing { path: path.to_owned(), what: "certificate" });
    }
    Ok(certificates)
}

pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let nothing = |_| TlsError::Nothing { path: path.to_owned(), what: "private key" };
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(nothing)
}

/// Authorities from a file, from all files of a folder, or from the system.
pub(super) fn authorities(path: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let system = || SYSTEM.iter().map(PathBuf::from).find(|path| path.exists());
    let path = path.map(Path::to_owned).or_else(system).ok_or(TlsError::NoAuthorities)?;
    for file in files(&path)? {
        // A folder may hold other things as well; a file that was named must hold certificates.
        match certificates(&file) {
            Ok(found) => drop(roots.add_parsable_certificates(found)),
            Err(error) if file == path => return Err(error),
            Err(_) => {}
        }
    }
    if roots.is_empty() {
        return Err(TlsError::Nothing { path, what: "certificate of an authority" });
    }
    Ok(roots)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, TlsError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| TlsError::Unreadable { path: path.to_owned(), error })?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read;
    let failed = |error| TlsError::Unreadable { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
