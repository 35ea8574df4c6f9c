//! TLS of the listener: a certificate and its key out of two files, which are read anew when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::linger::Lingering;

/// A handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The files are looked at this often: a renewed certificate is in use a minute later.
const LOOK: Duration = Duration::from_secs(60);

/// Where the listener's certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in PEM, followed by those that lead from it to its authority.
    pub certificate: PathBuf,
    /// Its private key in PEM, not encrypted.
    pub key: PathBuf,
}

/// Why a certificate cannot be used. It never quotes a file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, or not ours to read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate file without certificates.
    #[error("{}: expected certificates in PEM (BEGIN CERTIFICATE), found none", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate file that is damaged.
    #[error("{}: expected X.509 certificates in PEM, found one that cannot be read", .0.display())]
    BrokenCertificate(PathBuf),
    /// A key file without a key.
    #[error("{}: expected a private key in PEM that is not encrypted (BEGIN PRIVATE KEY), found none", .0.display())]
    NoKey(PathBuf),
    /// A key that nothing can be signed with.
    #[error("{}: expected an RSA, ECDSA (P-256, P-384) or Ed25519 key, found one that cannot be used", .0.display())]
    UnusableKey(PathBuf),
    /// Two files that do not belong together.
    #[error(
        "expected the key of the first certificate in {}, found another one in {}",
        certificate.display(),
        key.display()
    )]
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The cryptography lacks what TLS needs: a defect of this program.
    #[error("TLS cannot be set up: {0}")]
    SetUp(rustls::Error),
}

impl TlsFiles {
    /// Whether a server could start with them.
    ///
    /// # Errors
    /// [`TlsError`] says what was expected of which file.
    pub fn check(&self) -> Result<(), TlsError> {
        Material::read(self).map(drop)
    }
}

/// The listener's side of TLS.
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: TlsFiles,
    /// The content of the files that is in use.
    fingerprint: Mutex<Fingerprint>,
    /// Somebody says that the files have changed.
    hints: Notify,
}

/// The certificate that the next handshake shows. Sessions go on, and are resumed, under the one that they began with.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

type Fingerprint = [u8; 32];

/// What the files hold.
struct Material {
    certified: CertifiedKey,
    fingerprint: Fingerprint,
}

impl Material {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let TlsFiles { certificate, key } = files;
        let chain = bytes_of(certificate)?;
        let secret = SecretSlice::from(bytes_of(key)?);
        let fingerprint = fingerprint(&chain, secret.expose_secret());
        let broken = || TlsError::BrokenCertificate(certificate.clone());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|_| broken())?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.clone()));
        }
        // An error of the parser may quote a line.
        let secret = PrivateKeyDer::from_pem_slice(secret.expose_secret()).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey(key.clone()),
            _ => TlsError::UnusableKey(key.clone()),
        })?;
        let certified = CertifiedKey::from_der(chain, secret, &ring::default_provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::OtherKey { certificate: certificate.clone(), key: key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => broken(),
            _ => TlsError::UnusableKey(key.clone()),
        })?;
        Ok(Self { certified, fingerprint })
    }
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })
}

fn fingerprint(certificate: &[u8], key: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update((certificate.len() as u64).to_be_bytes());
    hash.update(certificate);
    hash.update(key);
    hash.finalize().into()
}

impl Tls {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let Material { certified, fingerprint } = Material::read(&files)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(certified))));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Current>::clone(&current);
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::SetUp)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = ring::Ticketer::new().map_err(TlsError::SetUp)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (fingerprint, hints) = (Mutex::new(fingerprint), Notify::new());
        Ok(Self { acceptor, current, files, fingerprint, hints })
    }

    /// Shakes hands, not for ever.
    pub(super) async fn shake_hands(&self, stream: Lingering) -> io::Result<TlsStream<Lingering>> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(HANDSHAKE, self.acceptor.accept(stream)).await.map_err(late)?
    }

    /// The files may have changed: they are looked at now.
    pub(super) fn hint(&self) {
        self.hints.notify_one();
    }

    /// Looks at the files now and then, and when it is told to, for ever. What cannot be used is not: a certificate may
    /// be written before its key, and calls are answered under the old one meanwhile.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        let mut tick = interval_at(Instant::now() + LOOK, LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mentioned = None;
        loop {
            let told = tokio::select! {
                _ = tick.tick() => false,
                () = self.hints.notified() => true,
            };
            let this = Arc::clone(&self);
            let Ok(reloaded) = tokio::task::spawn_blocking(move || this.reload()).await else { continue };
            let file = self.files.certificate.display();
            match reloaded {
                Ok(true) => tracing::info!(%file, "a new certificate is in use"),
                Ok(false) if told => tracing::info!(%file, "the certificate is the same as before"),
                Ok(false) => {}
                Err(error) => {
                    let error = error.to_string();
                    if told || mentioned.as_ref() != Some(&error) {
                        tracing::warn!(
                            error,
                            "the certificate cannot be read anew: the one before stays in use"
                        );
                    }
                    mentioned = Some(error);
                    continue;
                }
            }
            mentioned = None;
        }
    }

    /// Whether the files held another certificate or key, which is in use now.
    fn reload(&self) -> Result<bool, TlsError> {
        let Material { certified, fingerprint } = Material::read(&self.files)?;
        let mut known = self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == fingerprint {
            return Ok(false);
        }
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
        *known = fingerprint;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> TlsFiles {
        TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
    }

    fn write(files: &TlsFiles) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.current.0.read().unwrap().cert[0].to_vec()
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_certificate_is_in_use_within_a_minute_and_a_broken_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let first = write(&files);
        let tls = Arc::new(Tls::load(files.clone()).unwrap());
        let fresh = tokio::spawn(Arc::clone(&tls).keep_fresh());
        let second = write(&files);
        tokio::time::sleep(LOOK - Duration::from_secs(1)).await;
        assert_eq!(shown(&tls), first);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(shown(&tls), second);
        std::fs::write(&files.certificate, "half of a certif").unwrap();
        tokio::time::sleep(LOOK * 3).await;
        assert_eq!(shown(&tls), second, "what cannot be used is not");
        let third = write(&files);
        tls.hint();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(shown(&tls), third, "at once when told");
        assert!(!fresh.is_finished());
        fresh.abort();
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_what_was_expected_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let refused = |certificate: &str, key: &str| {
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            let refused = files.check().unwrap_err();
            assert!(!format!("{refused}{refused:?}").contains("MIG"), "{refused:?}");
            refused.to_string()
        };
        let one = rcgen::generate_simple_self_signed(["one".to_owned()]).unwrap();
        let two = rcgen::generate_simple_self_signed(["two".to_owned()]).unwrap();
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(key.contains("MIG"), "{key}");
        let damaged = certificate.replacen("MII", "M", 1);
        let other = two.signing_key.serialize_pem();
        let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let torn = key.replace("-----END PRIVATE KEY-----", "");
        for (certificate, key, file, expected) in [
            ("", key.as_str(), "cert.pem", "expected certificates in PEM"),
            (key.as_str(), key.as_str(), "cert.pem", "expected certificates in PEM"),
            (damaged.as_str(), key.as_str(), "cert.pem", "expected X.509 certificates in PEM"),
            (certificate.as_str(), "", "key.pem", "expected a private key in PEM"),
            (certificate.as_str(), encrypted.as_str(), "key.pem", "expected a private key in PEM"),
            (certificate.as_str(), torn.as_str(), "key.pem", "expected an RSA, ECDSA"),
            (certificate.as_str(), other.as_str(), "key.pem", "expected the key of the first certificate"),
        ] {
            let refused = refused(certificate, key);
            assert!(refused.contains(file) && refused.contains(expected), "{expected}: {refused}");
        }
        std::fs::remove_file(&files.key).unwrap();
        let refused = files.check().unwrap_err().to_string();
        assert!(refused.contains("cannot read") && refused.contains("key.pem"), "{refused}");
    }
}
