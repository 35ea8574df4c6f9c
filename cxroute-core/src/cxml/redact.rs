//! Masking of secrets in CXML text that we did not just write: it comes back to us inside CDRs, whole, cut
//! off, or escaped once or twice over, so this reads no grammar but looks for names, separators and quotes.

use std::borrow::Cow;

use super::tags::mask_tags;
use super::tokens::{self, Quote};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Whether a field, header, attribute or parameter of this name holds a secret.
///
/// Letters and digits count, in any case; `authorization-api-key`, `X-CX-APIKey` and `api_key` are alike. Secret
/// are names that contain password, passwd, passphrase, secret, authorization, api key, access key, private
/// key, credential, cookie or bearer, that end in `token` (but not a call's own `token` and `session_token`,
/// which are no secrets), or that are `pass`, `pwd`, `auth` or `jwt`. User names are not: see [`redact_cxml`].
pub fn is_secret_name(name: &str) -> bool {
    let mut buffer = [0_u8; 96];
    let mut length = 0;
    for byte in name.bytes().map(|byte| FOLDED[usize::from(byte)]) {
        if byte != 0 && length < buffer.len() {
            buffer[length] = byte;
            length += 1;
        }
    }
    let name = &buffer[..length];
    match name {
        b"pass" | b"pwd" | b"auth" | b"jwt" => true,
        b"token" | b"sessiontoken" => false,
        _ => name.ends_with(b"token") || (0..length).any(|at| begins_secret_word(&name[at..])),
    }
}

/// Letters in lower case and digits; 0 for everything else.
const FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

fn begins_secret_word(rest: &[u8]) -> bool {
    let words: &[&[u8]] = match rest.first() {
        Some(b'a') => &[b"authorization", b"apikey", b"accesskey"],
        Some(b'b') => &[b"bearer"],
        Some(b'c') => &[b"credential", b"cookie"],
        Some(b'p') => &[b"password", b"passwd", b"passphrase", b"privatekey"],
        Some(b's') => &[b"secret"],
        _ => &[],
    };
    words.iter().any(|word| rest.starts_with(word))
}

/// CXML text with its secrets replaced by [`MASK`]; borrowed when it holds none.
///
/// Masked are: values of attributes named `username` or by a [secret name](is_secret_name); the `value` that
/// follows such a `name`, as in `<Header name="X-Api-Key" value="…"/>`; content of elements so named; user
/// information in URLs; the query of `ws:` and `wss:` URLs. A well-formed tag is read by XML's grammar, so that no
/// text beside it can hide what is in it. Otherwise the text may be cut off or broken, quoted with `"`, `'`
/// or not at all, and escaped as XML, JSON or percent-encoding, any number of times. In doubt more is masked: a
/// value without its closing quote to the end of the text. What is masked can uncover what an escape had hidden, so
/// the text is read again until nothing changes; one that never settles is masked as a whole: linear in the
/// text's length.
pub fn redact_cxml(text: &str) -> Cow<'_, str> {
    let mut masked = read(text);
    for _ in 1..MOST_READINGS {
        match read(&masked) {
            Cow::Owned(again) if again != *masked => masked = Cow::Owned(again),
            _ => return masked,
        }
    }
    match read(&masked) {
        Cow::Owned(again) if again != *masked => Cow::Borrowed(MASK),
        _ => masked,
    }
}

/// So often a text is read; what changes even then was made to be odd.
const MOST_READINGS: usize = 4;

/// One reading: well-formed tags first, then whatever looks like a name, a separator and a value.
fn read(text: &str) -> Cow<'_, str> {
    match mask_tags(text) {
        Cow::Borrowed(text) => mask(text),
        Cow::Owned(tags) => Cow::Owned(mask(&tags).into_owned()),
    }
}

fn mask(text: &str) -> Cow<'_, str> {
    let mut scan = Scan { text, out: String::new(), copied: 0, at: 0, named_secret: false, socket_end: 0 };
    while let Some(found) = text.as_bytes()[scan.at..].iter().position(|&byte| TRIGGER[usize::from(byte)]) {
        scan.at += found;
        scan.step();
    }
    if scan.copied == 0 {
        return Cow::Borrowed(text);
    }
    scan.out.push_str(&text[scan.copied..]);
    Cow::Owned(scan.out)
}

/// Bytes that can begin a separator, end a tag's name or follow a URL's scheme.
const TRIGGER: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < b"=:>&\\%".len() {
        table[b"=:>&\\%"[at] as usize] = true;
        at += 1;
    }
    table
};

struct Scan<'t> {
    text: &'t str,
    out: String,
    /// How much of `text` is in `out`.
    copied: usize,
    at: usize,
    /// The last `name="…"` was a secret one.
    named_secret: bool,
    /// Up to here a WebSocket's URL was searched for a query; searching again would make this quadratic.
    socket_end: usize,
}

/// Longest value of `name="…"` that is read.
const LONGEST_NAME: usize = 128;

impl Scan<'_> {
    /// Looks at the byte at `at`, which may begin a separator, and moves on.
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with('>') {
            return self.element();
        }
        if rest.starts_with("://") || rest.starts_with(":\\/\\/") {
            return self.url();
        }
        let Some(separator) = tokens::separator(rest) else {
            self.at += 1;
            return;
        };
        let name = tokens::name_before(&self.text[..self.at]);
        let is_pair = rest.starts_with(':');
        self.at += separator;
        self.pair(name, !is_pair && name.eq_ignore_ascii_case("username"));
    }

    /// A name and its separator are read: masks the value if it is secret.
    fn pair(&mut self, name: &str, is_user: bool) {
        if is_user || is_secret_name(name) {
            let line = is_credential_line(name);
            self.mask_value(if line { Extent::Line } else { Extent::Word });
        } else if name.eq_ignore_ascii_case("name") {
            let window = self.text.floor_char_boundary(self.at + LONGEST_NAME);
            let (start, end) = value(&self.text[..window], self.at, Extent::Word);
            self.named_secret = is_secret_name(&self.text[start..end]);
        } else if name.eq_ignore_ascii_case("value") && self.named_secret {
            self.named_secret = false;
            self.mask_value(Extent::Line);
        }
    }

    fn mask_value(&mut self, extent: Extent) {
        let (start, end) = value(self.text, self.at, extent);
        self.mask(start, end);
    }

    /// At `>`: masks what is between `<password>` and the next tag.
    fn element(&mut self) {
        let name = tokens::name_run(&self.text[..self.at]);
        let before = &self.text[..self.at - name.len()];
        self.at += 1;
        let opens =
            before.ends_with('<') || before.ends_with("&lt;") || tokens::ends_with_ci(before, "\\u003c");
        if opens && is_secret_name(name) {
            let end = tokens::find_any(&self.text[self.at..], &["<", "&lt;", "\\u003c"]);
            self.mask(self.at, end.map_or(self.text.len(), |end| self.at + end));
        }
    }

    /// At `://`: masks user information, and the query if a WebSocket is addressed.
    fn url(&mut self) {
        let scheme = tokens::name_run(&self.text[..self.at]);
        let start = self.at + if self.text[self.at..].starts_with("://") { 3 } else { 5 };
        self.at = start;
        let rest = &self.text[start..];
        let authority = &rest[..tokens::authority_end(rest)];
        if let Some(at) = authority.rfind('@') {
            self.mask(start, start + at);
        }
        let is_socket = scheme.eq_ignore_ascii_case("wss") || scheme.eq_ignore_ascii_case("ws");
        if is_socket && start >= self.socket_end {
            self.socket_end = start + tokens::url_end(rest);
            if let Some(query) = self.text[start..self.socket_end].find('?') {
                self.mask(start + query + 1, self.socket_end);
            }
        }
    }

    fn mask(&mut self, start: usize, end: usize) {
        if start < end {
            self.out.push_str(&self.text[self.copied..start]);
            self.out.push_str(MASK);
            self.copied = end;
            self.at = end;
        }
    }
}

/// How far a value goes that has no quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// To the next blank, quote or angle bracket.
    Word,
    /// To the end of the line or tag: `Bearer abc`, `Digest username="…", …`.
    Line,
}

/// Where the value lies, without its quotes, whose separator ends at `after_separator`.
fn value(text: &str, after_separator: usize, extent: Extent) -> (usize, usize) {
    let start = after_separator + tokens::blanks(&text[after_separator..]);
    let rest = &text[start..];
    if let Some(quote) = Quote::open(rest) {
        let start = start + quote.len();
        return (start, quote.close(&text[start..]).map_or(text.len(), |end| start + end));
    }
    let end = match extent {
        _ if rest.starts_with(['{', '[']) => None,
        Extent::Word => rest.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)),
        Extent::Line => rest.find(['\r', '\n', '<', '>']),
    };
    (start, end.map_or(text.len(), |end| start + end))
}

fn is_credential_line(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("auth") || name.contains("cookie")
}
