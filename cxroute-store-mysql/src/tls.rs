//! TLS of the connections: what a URL demands, and what is demanded when it says nothing.

use std::net::IpAddr;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::error::{Fault, Kind};

/// The parameters of a URL that are TLS's, under both of their names.
const MODE: [&str; 2] = ["ssl-mode", "sslmode"];
const CA: [&str; 2] = ["ssl-ca", "sslca"];
const OTHERS: [&str; 4] = ["ssl-cert", "sslcert", "ssl-key", "sslkey"];

/// The options with the demands on TLS that `location` makes. Where it names no `ssl-mode`, a server on another machine
/// must show a certificate for the name that it is called by.
pub(crate) fn demanded(options: MySqlConnectOptions, location: &str) -> Result<MySqlConnectOptions, Fault> {
    let (location, _fragment) = location.split_once('#').unwrap_or((location, ""));
    let (_place, query) = location.split_once('?').unwrap_or((location, ""));
    let mut is_said = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if MODE.contains(&&*name) {
            is_said = true;
        } else if CA.contains(&&*name) {
            authorities(&value)?;
        } else if ["ssl", "tls"].iter().any(|word| name.starts_with(word)) && !OTHERS.contains(&&*name) {
            // The driver passes over what it does not know, and a demand must not be passed over.
            let expected = "expected ssl-mode, ssl-ca, ssl-cert and ssl-key, got another parameter of TLS";
            return Err(Fault::new(Kind::Broken, expected));
        }
    }
    let options = match is_said || is_on_this_machine(&options) {
        true => options,
        false => options.ssl_mode(MySqlSslMode::VerifyIdentity),
    };
    if matches!(options.get_ssl_mode(), MySqlSslMode::VerifyCa) {
        choose_provider();
    }
    Ok(options)
}

fn is_on_this_machine(options: &MySqlConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
    options.get_socket().is_some() || host == "localhost" || is_loopback()
}

/// The driver passes over a file without certificates.
fn authorities(file: &str) -> Result<(), Fault> {
    let refused = |what: String| Fault::new(Kind::Broken, format!("expected ssl-ca=FILE in PEM, got {what}"));
    let bytes = std::fs::read(file).map_err(|error| refused(format!("{file}: {error}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found.is_ok_and(|found| !found.is_empty()) {
        true => Ok(()),
        false => Err(refused(format!("{file} without certificates"))),
    }
}

/// The driver takes the process's provider of cryptography to check an authority without a name, and where several are
/// compiled in there is none until somebody chooses: the host, or else this.
fn choose_provider() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else has been faster.
        let _chosen = ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::options_of;

    #[test]
    fn a_server_on_another_machine_must_prove_its_name_unless_the_url_says_otherwise() {
        use MySqlSslMode::{Disabled, Preferred, Required, VerifyCa, VerifyIdentity};
        for (location, mode) in [
            ("mysql://me@db.example.com/cx", VerifyIdentity),
            ("mysql://me@192.0.2.1:3307/cx", VerifyIdentity),
            ("mysql://me@db/cx?charset=utf8mb4#ssl-mode=DISABLED", VerifyIdentity),
            ("mysql://me@db/cx?ssl-mode=VERIFY_CA", VerifyCa),
            ("mysql://me@db/cx?sslmode=required", Required),
            ("mysql://me@db/cx?ssl-mode=DISABLED", Disabled),
            ("mysql://me@db/cx?ssl%2dmode=PREFERRED", Preferred),
            ("mysql://me@localhost/cx", Preferred),
            ("mysql://me@127.0.0.1/cx", Preferred),
            ("mysql://me@[::1]/cx", Preferred),
            ("mysql://me@db/cx?socket=/run/mysqld.sock", Preferred),
            ("mysql://me@localhost/cx?ssl-mode=VERIFY_IDENTITY", VerifyIdentity),
        ] {
            let options = options_of(location).unwrap();
            assert_eq!(format!("{:?}", options.get_ssl_mode()), format!("{mode:?}"), "{location}");
        }
    }

    #[test]
    fn a_demand_that_cannot_be_met_is_refused_with_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let file = empty.to_str().unwrap();
        for (query, expected) in [
            (format!("ssl-ca={file}"), "empty.pem without certificates"),
            (format!("ssl-ca={file}x"), "empty.pemx: "),
            ("ssl_mode=DISABLED".to_owned(), "expected ssl-mode"),
            ("tls=true".to_owned(), "expected ssl-mode"),
            ("ssl-mode=SOMETIMES".to_owned(), "SOMETIMES"),
        ] {
            let refused = options_of(&format!("mysql://me:hunter2@db/cx?{query}")).unwrap_err().reason;
            assert!(refused.contains(expected) && !refused.contains("hunter2"), "{query}: {refused}");
        }
    }
}
