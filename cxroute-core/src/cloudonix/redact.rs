//! What is kept of a payload in the audit: everything but secrets, always as valid JSON.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::json::{container_length, string_length, unquote};
use crate::cxml::{MASK, is_secret_name, redact_cxml};

/// Deepest nesting that is kept; MariaDB's JSON functions take 32 levels, the audit wraps one around.
const DEEPEST: usize = 30;
/// How often a JSON text is looked for within a JSON string.
const TEXTS_IN_TEXTS: usize = 4;
/// How much is kept of a text that is neither JSON nor a form, in bytes.
const LONGEST_EXCERPT: usize = 65_536;
/// What stands in the place of what is nested deeper.
const TOO_DEEP: &str = "\"(nested too deeply)\"";

/// A payload as valid JSON without its secrets, for the audit.
///
/// - JSON stays JSON, in its order, without white space. Replaced by `"***"` is every value that is not null or empty
///   under a [secret name](is_secret_name) (password, authorization, api key, secret, tokens other than the session's
///   own, …), and the `value` next to such a `name`. Every other text goes through [`redact_cxml`], which covers the
///   CXML that comes back in `session.profile.application[].source` with user names and passwords; a text that is
///   JSON itself is treated as JSON, four levels deep.
/// - A form stays a form, pair by pair, as one JSON string; so do the first 64 KiB of any other text, through
///   [`redact_cxml`].
/// - What is not UTF-8 is read with replacement characters; an empty body is `null`.
///
/// For databases that are strict about JSON, containers nested deeper than 30 levels become a note, numbers
/// beyond 64-bit floating point become strings, lone surrogates become U+FFFD. Total; linear in the content's length.
pub fn redact_body(content: &[u8]) -> String {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content).trim_ascii();
    if content.is_empty() {
        return "null".to_owned();
    }
    let text = std::str::from_utf8(content).map_or_else(|_| String::from_utf8_lossy(content), Cow::Borrowed);
    if is_json(&text) {
        return rewrite(&text, 0);
    }
    let clean = if is_form(&text) { Cow::Owned(redact_form(&text)) } else { excerpt(&text) };
    let mut out = String::with_capacity(clean.len() + 2);
    push_string(&mut out, &clean);
    out
}

/// A text that is no payload: its beginning is enough to see what it was.
fn excerpt(text: &str) -> Cow<'_, str> {
    let start = &text[..text.floor_char_boundary(LONGEST_EXCERPT)];
    match redact_cxml(start) {
        clean if start.len() == text.len() => clean,
        clean => Cow::Owned(format!("{clean} (the first {} of {} bytes)", start.len(), text.len())),
    }
}

/// A name, `=`, and something, on one line.
fn is_form(text: &str) -> bool {
    let named = text.split_once('=').is_some_and(|(name, _)| !name.is_empty());
    named && !text.starts_with(['<', '{', '[', '"']) && !text.bytes().any(|byte| byte < 0x20)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn redact_form(form: &str) -> String {
    let pairs = form.split('&').map(|pair| {
        let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
        let Some((decoded, value)) = form_urlencoded::parse(pair.as_bytes()).next() else {
            return Cow::Borrowed(pair);
        };
        if is_secret_name(&decoded) && !value.is_empty() {
            return Cow::Owned(format!("{name}={MASK}"));
        }
        match redact_text(&value, 0) {
            Cow::Borrowed(_) => Cow::Borrowed(pair),
            Cow::Owned(clean) => {
                let encoded: String = form_urlencoded::byte_serialize(clean.as_bytes()).collect();
                Cow::Owned(format!("{name}={encoded}"))
            }
        }
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// A text within a payload, without its secrets; borrowed when it has none.
fn redact_text(text: &str, level: usize) -> Cow<'_, str> {
    if level < TEXTS_IN_TEXTS && text.trim_start().starts_with(['{', '[']) && is_json(text) {
        return Cow::Owned(rewrite(text, level + 1));
    }
    redact_cxml(text)
}

/// Copies valid JSON token by token.
fn rewrite(json: &str, level: usize) -> String {
    let mut copy = Rewrite {
        rest: json,
        out: String::with_capacity(json.len()),
        open: Vec::new(),
        next: Next::Plain,
        level,
    };
    while let Some(byte) = copy.rest.bytes().next() {
        copy.token(byte);
    }
    copy.out
}

/// A container that is being copied.
struct Container {
    is_object: bool,
    /// A member `name` with a secret name was in it.
    named_secret: bool,
}

/// What the next value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Plain,
    /// Not a value but a member's name.
    Name,
    /// The value of a secret member.
    Secret,
    /// The value of a member `name`.
    NameOfPair,
}

struct Rewrite<'t> {
    rest: &'t str,
    out: String,
    open: Vec<Container>,
    next: Next,
    level: usize,
}

impl<'t> Rewrite<'t> {
    fn token(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.rest = &self.rest[1..],
            b'{' | b'[' => self.begin(byte == b'{'),
            b'}' | b']' => {
                self.open.pop();
                self.next = Next::Plain;
                self.copy(1);
            }
            b',' => {
                let in_object = self.open.last().is_some_and(|container| container.is_object);
                self.next = if in_object { Next::Name } else { Next::Plain };
                self.copy(1);
            }
            b':' => self.copy(1),
            b'"' => self.string(),
            _ => self.literal(),
        }
    }

    fn begin(&mut self, is_object: bool) {
        if self.next == Next::Secret || self.open.len() >= DEEPEST {
            let note = if self.next == Next::Secret { "\"***\"" } else { TOO_DEEP };
            self.take(container_length(self.rest).unwrap_or(self.rest.len()));
            self.out.push_str(note);
            return;
        }
        self.open.push(Container { is_object, named_secret: false });
        self.next = if is_object { Next::Name } else { Next::Plain };
        self.copy(1);
    }

    fn string(&mut self) {
        let raw = self.take(string_length(self.rest).unwrap_or(self.rest.len()));
        match self.next {
            Next::Name => self.name(raw),
            Next::Secret if raw.len() > 2 => push_string(&mut self.out, MASK),
            Next::Secret => self.out.push_str(raw),
            Next::Plain | Next::NameOfPair => self.text(raw),
        }
    }

    fn name(&mut self, raw: &str) {
        let name = unquote(raw);
        let named_secret = self.open.last().is_some_and(|container| container.named_secret);
        self.next = match &*name {
            name if is_secret_name(name) => Next::Secret,
            name if named_secret && name.eq_ignore_ascii_case("value") => Next::Secret,
            name if name.eq_ignore_ascii_case("name") => Next::NameOfPair,
            _ => Next::Plain,
        };
        // A name is a place for a secret, too, if somebody puts a whole text there.
        self.push_text(raw, &name);
    }

    fn text(&mut self, raw: &str) {
        let text = unquote(raw);
        if let (Next::NameOfPair, Some(container)) = (self.next, self.open.last_mut()) {
            container.named_secret = is_secret_name(&text);
        }
        self.push_text(raw, &text);
    }

    fn push_text(&mut self, raw: &str, text: &str) {
        match redact_text(text, self.level) {
            // Without escapes the decoded text is the raw one without its quotes.
            Cow::Borrowed(_) if text.len() + 2 == raw.len() => self.out.push_str(raw),
            clean => push_string(&mut self.out, &clean),
        }
    }

    /// A number, boolean or null.
    fn literal(&mut self) {
        let end = self.rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
        let literal = self.take(end);
        match self.next {
            Next::Secret if literal != "null" => push_string(&mut self.out, MASK),
            _ if is_storable(literal) => self.out.push_str(literal),
            _ => push_string(&mut self.out, literal),
        }
    }

    fn copy(&mut self, length: usize) {
        let taken = self.take(length);
        self.out.push_str(taken);
    }

    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// Whether every database takes this number, boolean or null: `1e999` is JSON, but no 64-bit floating point.
fn is_storable(literal: &str) -> bool {
    let is_word = literal.starts_with(['t', 'f', 'n']);
    let is_short = literal.len() < 16 && !literal.contains(['e', 'E']);
    is_word || is_short || literal.parse::<f64>().is_ok_and(f64::is_finite)
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte @ (b'"' | b'\\') => {
                out.push('\\');
                out.push(char::from(byte));
            }
            byte => {
                let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
                out.push_str("\\u00");
                out.push(digit(byte >> 4));
                out.push(digit(byte & 15));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
