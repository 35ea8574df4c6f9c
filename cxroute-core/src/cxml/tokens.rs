//! The small pieces that [`redact_cxml`](super::redact_cxml) looks for, in plain and in escaped spelling.

/// Longest name that is looked back for, in bytes.
const LONGEST_NAME: usize = 128;

/// Spellings of `=` and `:` between a name and its value.
const SEPARATORS: [&str; 6] = ["=", ":", "&#61;", "&#x3d;", "\\u003d", "%3d"];

/// What may stand between a name and its separator, read backwards: blanks, and quotes in any spelling (their
/// `&` and `&amp;` are pieces of their own).
const BEFORE_SEPARATOR: [&str; 28] = [
    " ", "\t", "\r", "\n", "\"", "'", "]", "\\n", "\\r", "\\t", "\\u0022", "\\u0027", "\\", "%20", "%22",
    "%27", "quot;", "apos;", "#34;", "#39;", "#x22;", "#x27;", "#9;", "#10;", "#13;", "#32;", "amp;", "&",
];

/// Blanks in any spelling, read forwards.
const BLANKS: [&str; 13] =
    [" ", "\t", "\r", "\n", "\\n", "\\r", "\\t", "&#9;", "&#10;", "&#13;", "&#32;", "%20", "&nbsp;"];

/// Quotes spelled with characters other than themselves.
const ESCAPED_QUOTES: [&str; 8] = ["quot;", "apos;", "#34;", "#39;", "#x22;", "#x27;", "#034;", "#039;"];

pub(super) fn starts_with_ci(text: &str, token: &str) -> bool {
    text.as_bytes().get(..token.len()).is_some_and(|head| head.eq_ignore_ascii_case(token.as_bytes()))
}

pub(super) fn ends_with_ci(text: &str, token: &str) -> bool {
    let Some(at) = text.len().checked_sub(token.len()) else { return false };
    text.as_bytes()[at..].eq_ignore_ascii_case(token.as_bytes())
}

/// Last bytes of what may stand before a separator, in both cases: most bytes are none, and need no search.
const BEFORE_SEPARATOR_ENDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < BEFORE_SEPARATOR.len() {
        let token = BEFORE_SEPARATOR[at].as_bytes();
        let last = token[token.len() - 1];
        table[last.to_ascii_lowercase() as usize] = true;
        table[last.to_ascii_uppercase() as usize] = true;
        at += 1;
    }
    table
};

/// The length of the separator at the start of `text`.
pub(super) fn separator(text: &str) -> Option<usize> {
    if text.starts_with(['=', ':']) {
        return Some(1);
    }
    SEPARATORS.iter().find(|token| starts_with_ci(text, token)).map(|token| token.len())
}

/// The name that ends `text`, blanks and a closing quote aside; empty if there is none.
pub(super) fn name_before(text: &str) -> &str {
    let mut text = text;
    while let Some(last) = text.bytes().next_back().filter(|&last| BEFORE_SEPARATOR_ENDS[usize::from(last)]) {
        let ends =
            |token: &&&str| token.as_bytes().last().is_some_and(|byte| byte.eq_ignore_ascii_case(&last));
        let mut tokens = BEFORE_SEPARATOR.iter().filter(ends);
        let Some(token) = tokens.find(|token| ends_with_ci(text, token)) else { break };
        text = &text[..text.len() - token.len()];
    }
    name_run(text)
}

/// The run of name characters that ends `text`, cut at 128 bytes.
pub(super) fn name_run(text: &str) -> &str {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let length = text.bytes().rev().take(LONGEST_NAME).take_while(is_name).count();
    &text[text.len() - length..]
}

/// The length of the blanks that begin `text`.
pub(super) fn blanks(text: &str) -> usize {
    let mut at = 0;
    while let Some(token) = BLANKS.iter().find(|token| starts_with_ci(&text[at..], token)) {
        at += token.len();
    }
    at
}

/// The first place in `text` where one of `tokens` begins, in any case.
pub(super) fn find_any(text: &str, tokens: &[&str]) -> Option<usize> {
    text.char_indices()
        .map(|(at, _)| at)
        .find(|&at| tokens.iter().any(|token| starts_with_ci(&text[at..], token)))
}

/// Where the authority of a URL ends that `text` begins with, its scheme already read.
pub(super) fn authority_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "/?#\\<>\"'".contains(c)).unwrap_or(text.len())
}

/// Where a URL ends that `text` begins with.
pub(super) fn url_end(text: &str) -> usize {
    let plain = text.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(text.len());
    let text = &text[..plain];
    let quoted = find_any(text, &["&quot;", "&apos;", "&#34;", "&#39;", "&lt;", "&gt;", "\\u0022"]);
    quoted.unwrap_or_else(|| text.trim_end_matches('\\').len())
}

/// An opening quote: its spelling is what closes it.
pub(super) enum Quote<'t> {
    /// `"` or `'` behind this many backslashes.
    Plain { mark: u8, backslashes: usize },
    /// A reference, a `\u` escape or percent-encoding, as spelled.
    Escaped(&'t str),
}

impl<'t> Quote<'t> {
    /// The quote that `text` begins with.
    pub(super) fn open(text: &'t str) -> Option<Self> {
        let backslashes = text.bytes().take_while(|&byte| byte == b'\\').count();
        let rest = &text[backslashes..];
        if let Some(mark @ (b'"' | b'\'')) = rest.bytes().next() {
            return Some(Self::Plain { mark, backslashes });
        }
        let length = if backslashes > 0 && (starts_with_ci(rest, "u0022") || starts_with_ci(rest, "u0027")) {
            backslashes + "u0022".len()
        } else if starts_with_ci(text, "%22") || starts_with_ci(text, "%27") {
            "%22".len()
        } else {
            reference(text)?
        };
        Some(Self::Escaped(&text[..length]))
    }

    /// The length of its spelling.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain { backslashes, .. } => backslashes + 1,
            Self::Escaped(spelling) => spelling.len(),
        }
    }

    /// Where the value ends that stands behind it: at the same spelling. A mark behind more backslashes than the
    /// opening one belongs to the value.
    pub(super) fn close(&self, text: &str) -> Option<usize> {
        match *self {
            Self::Escaped(spelling) => find_any(text, &[spelling]),
            Self::Plain { mark, backslashes } => {
                let mut run = 0;
                for (at, byte) in text.bytes().enumerate() {
                    if byte == mark && run <= backslashes {
                        return Some(at - run);
                    }
                    run = if byte == b'\\' { run + 1 } else { 0 };
                }
                None
            }
        }
    }
}

/// The length of a quote's reference such as `&quot;` or `&amp;#34;`.
fn reference(text: &str) -> Option<usize> {
    let mut at = text.starts_with('&').then_some(1)?;
    while starts_with_ci(&text[at..], "amp;") {
        at += "amp;".len();
    }
    let quote = ESCAPED_QUOTES.iter().find(|quote| starts_with_ci(&text[at..], quote))?;
    Some(at + quote.len())
}
