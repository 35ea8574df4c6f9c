//! `X-CX-Signature`: HMAC-SHA256 of the raw body under the tenant's secret, as hexadecimal digits (FACTS §6).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Clear;

/// Whether `header` is the signature of `body` under `secret`: 64 hexadecimal digits in any case, with or without
/// `sha256=` before them, white space around them ignored. Compared in constant time.
pub fn is_signed(secret: &Clear, body: &[u8], header: &str) -> bool {
    let header = header.trim();
    let digits = match header.get(..7) {
        Some(prefix) if prefix.eq_ignore_ascii_case("sha256=") => &header[7..],
        _ => header,
    };
    let (Some(claimed), Ok(mut mac)) =
        (from_hex(digits), Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()))
    else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let (high, low) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
        *byte = (high << 4 | low) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const SIGNATURE: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const BODY: &[u8] = b"what do ya want for nothing?";

    #[test]
    fn the_published_test_vector_is_a_signature_in_every_spelling() {
        let secret = Clear::new("Jefe".into());
        let spellings = [
            SIGNATURE.to_owned(),
            SIGNATURE.to_uppercase(),
            format!("sha256={SIGNATURE}"),
            format!(" SHA256={SIGNATURE} "),
        ];
        for header in spellings {
            assert!(is_signed(&secret, BODY, &header), "{header}");
        }
    }

    #[test]
    fn another_body_secret_or_header_is_no_signature() {
        let secret = Clear::new("Jefe".into());
        assert!(!is_signed(&secret, b"what do ya want for nothing", SIGNATURE));
        assert!(!is_signed(&Clear::new("jefe".into()), BODY, SIGNATURE));
        let odd = ["", "sha256=", &SIGNATURE[1..], &SIGNATURE.replace('5', "g"), &"é".repeat(32), "sha256é"];
        for header in odd {
            assert!(!is_signed(&secret, BODY, header), "{header}");
        }
    }
}
