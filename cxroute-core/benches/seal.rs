//! What sealing costs on the hot path: a CXML answer of 700 bytes sealed and opened, a webhook key checked.
//! Run with `cargo bench -p cxroute-core --features seal --bench seal`.

use cxroute_core::id::TenantId;
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::secret::{Place, Vault};

fn main() {
    divan::main();
}

const PLACE: Place<'static> = Place {
    tenant: TenantId::new(42),
    table: "receipts",
    row: "0123456789abcdef0123456789abcdef",
    field: "answer",
};

fn keyring() -> Keyring {
    Keyring::new(MasterKey::new([7; 32]), [])
}

#[divan::bench]
fn seal_700_bytes(bencher: divan::Bencher<'_, '_>) {
    let (keyring, clear) = (keyring(), [b'x'; 700]);
    bencher.bench(|| keyring.seal(PLACE, divan::black_box(&clear)));
}

#[divan::bench]
fn open_700_bytes(bencher: divan::Bencher<'_, '_>) {
    let keyring = keyring();
    let Ok(sealed) = keyring.seal(PLACE, &[b'x'; 700]) else { return };
    bencher.bench(|| keyring.open(PLACE, divan::black_box(&sealed)));
}

#[divan::bench]
fn check_a_webhook_key_against_two(bencher: divan::Bencher<'_, '_>) {
    let (hasher, tenant) = (keyring().webhook_keys(), TenantId::new(42));
    let stored = [hasher.hash(tenant, b"one"), hasher.hash(tenant, b"0123456789abcdef0123456789abcdef")];
    bencher.bench(|| hasher.admits(tenant, divan::black_box(b"0123456789abcdef0123456789abcdef"), &stored));
}
