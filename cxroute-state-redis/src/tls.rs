//! TLS of the connections to Redis: whose certificates are believed, and which one this side shows.

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// The files that a URL names: `ca`, `cert`, `key`.
#[derive(Default)]
pub(crate) struct TlsFiles {
    ca: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

impl TlsFiles {
    /// Those of a query; `Err` says what is wrong, and quotes files' names only.
    pub(crate) fn named_by(query: &str) -> Result<Self, String> {
        let mut files = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let file = match &*name {
                "ca" => &mut files.ca,
                "cert" => &mut files.cert,
                "key" => &mut files.key,
                _ => return Err("a parameter other than ca, cert and key".to_owned()),
            };
            *file = Some(value.into_owned());
        }
        Ok(files)
    }

    /// What they hold, checked, so that what is wrong shows at the start. Without `ca` the public authorities are believed, with it those in the file alone.
    pub(crate) fn read(self) -> Result<TlsCertificates, String> {
        choose_provider();
        let root_cert = self.ca.map(|file| certificates(&file)).transpose()?.map(|(bytes, _)| bytes);
        let client_tls = match (self.cert, self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(identity(&cert, &key)?),
            _ => return Err("one of cert and key, which belong together".to_owned()),
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

/// The driver takes the process's provider of cryptography, and where several are compiled in there is none until
/// somebody chooses: the host, or else this.
fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else has been faster.
        let _chosen = ring::default_provider().install_default();
    }
}

fn identity(cert: &str, key: &str) -> Result<ClientTlsConfig, String> {
    let (client_cert, chain) = certificates(cert)?;
    let client_key = read(key)?;
    // An error of the parser may quote a line.
    let secret = PrivateKeyDer::from_pem_slice(&client_key);
    let secret = secret.map_err(|_| format!("a file without a private key in PEM: {key}"))?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider())
        .map_err(|error| format!("a certificate {cert} and a key {key} that do not do: {error}"))?;
    Ok(ClientTlsConfig { client_cert, client_key })
}

fn certificates(file: &str) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), String> {
    let bytes = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.unwrap_or_default();
    if found.is_empty() {
        return Err(format!("a file without certificates in PEM: {file}"));
    }
    Ok((bytes, found))
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("a file that cannot be read: {file}: {error}"))
}
