use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// An authority and a certificate by it for `localhost`, in files.
pub(crate) struct Papers {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

pub(crate) fn papers(folder: &Path) -> Papers {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    Papers {
        authority: write("ca.pem", authority.pem()),
        certificate: write("crt.pem", certificate.pem()),
        key: write("key.pem", key.serialize_pem()),
    }
}

fn place() -> tempfile::TempDir {
    let target = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    tempfile::tempdir_in(target).unwrap()
}

/// Whether a client gets a byte through to a server and back.
async fn talk(server: &TlsServer, client: &TlsClient, host: &str) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let acceptor = server.acceptor().map_err(|error| error.to_string())?;
    let (connector, name) = client.connector(host).map_err(|error| error.to_string())?;
    let serve = async {
        let mut stream = acceptor.accept(far).await.map_err(|error| error.to_string())?;
        let byte = stream.read_u8().await.map_err(|error| error.to_string())?;
        stream.write_u8(byte).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())
    };
    let ask = async {
        let mut stream = connector.connect(name, near).await.map_err(|error| error.to_string())?;
        stream.write_u8(7).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        stream.read_u8().await.map_err(|error| error.to_string())
    };
    let (served, asked) = tokio::join!(serve, ask);
    assert_eq!(asked?, 7);
    served
}

#[tokio::test]
async fn a_client_talks_only_to_whom_it_can_verify_unless_told_otherwise() {
    let folder = place();
    let papers = papers(folder.path());
    let server = TlsServer { certificate: papers.certificate.clone(), key: papers.key.clone(), authorities: None };
    let other = place();
    let stranger = self::papers(other.path());
    let client = |verify, verify_hostname, authority: &Path| TlsClient {
        verify,
        verify_hostname,
        authorities: Some(authority.to_owned()),
        identity: None,
        name: None,
    };
    talk(&server, &client(true, true, &papers.authority), "localhost").await.unwrap();
    assert!(talk(&server, &client(true, true, &papers.authority), "127.0.0.1").await.is_err());
    talk(&server, &client(true, false, &papers.authority), "127.0.0.1").await.unwrap();
    let named = TlsClient { name: Some("localhost".to_owned()), ..client(true, true, &papers.authority) };
    talk(&server, &named, "127.0.0.1").await.unwrap();
    assert!(talk(&server, &client(true, true, &stranger.authority), "localhost").await.is_err());
    assert!(talk(&server, &client(true, false, &stranger.authority), "localhost").await.is_err());
    talk(&server, &client(false, false, &stranger.authority), "localhost").await.unwrap();
}

#[tokio::test]
async fn a_server_with_an_authority_admits_only_its_clients() {
    let (folder, other) = (place(), place());
    let (ours, strangers) = (papers(folder.path()), papers(other.path()));
    let server = TlsServer {
        certificate: ours.certificate.clone(),
        key: ours.key.clone(),
        authorities: Some(ours.authority.clone()),
    };
    let client = |identity| TlsClient {
        verify: true,
        verify_hostname: true,
        authorities: Some(ours.authority.clone()),
        identity,
        name: None,
    };
    talk(&server, &client(Some((ours.certificate.clone(), ours.key.clone()))), "localhost").await.unwrap();
    assert!(talk(&server, &client(None), "localhost").await.is_err());
    let stranger = client(Some((strangers.certificate, strangers.key)));
    assert!(talk(&server, &stranger, "localhost").await.is_err());
}

#[test]
fn what_is_wrong_names_the_file() {
    let (folder, other) = (place(), place());
    let (ours, strangers) = (papers(folder.path()), papers(other.path()));
    let why = |certificate: &Path, key: &Path, authorities: Option<&Path>| {
        let server =
            TlsServer { certificate: certificate.into(), key: key.into(), authorities: authorities.map(Into::into) };
        let text = server.acceptor().map(drop).unwrap_err().to_string();
        text.replace(&folder.path().display().to_string(), "DIR").replace(&other.path().display().to_string(), "OTHER")
    };
    let (crt, key) = (&ours.certificate, &ours.key);
    let all = [
        why(&folder.path().join("absent"), key, None),
        why(key, key, None),
        why(crt, crt, None),
        why(crt, &strangers.key, None),
        why(crt, key, Some(key)),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    read DIR/absent: No such file or directory (os error 2); check the path and its permissions
    use DIR/key.pem: it holds no certificate; give a PEM file with one
    use DIR/crt.pem: it holds no private key; give a PEM file with one
    use DIR/crt.pem: keys may not be consistent: KeyMismatch; give a certificate and the key that belongs to it
    use DIR/key.pem: it holds no certificate; give a PEM file with one
    ");
}
