//! A client's side of TLS: whom it believes, and what a server shows it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client::{Connection, PATIENCE};

/// A client that believes the authorities in a file, and speaks these versions.
pub(crate) fn believing(ca: &str, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth()
}

/// A connection to a server that must be `localhost`, and what it has shown.
pub(crate) struct Secured {
    pub(crate) connection: Connection,
    pub(crate) certificate: Vec<u8>,
    /// What the two have agreed to speak.
    pub(crate) protocol: Option<Vec<u8>>,
}

/// Shakes hands with the server at `address`.
pub(crate) async fn secured(address: SocketAddr, client: ClientConfig) -> io::Result<Secured> {
    let name = "localhost".try_into().unwrap();
    let shaken = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(client)).connect(name, stream).await
    };
    let stream = timeout(PATIENCE, shaken).await.expect("hands are shaken in time")?;
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().unwrap()[0].to_vec();
    let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
    Ok(Secured { connection: Connection::over(stream), certificate, protocol })
}
