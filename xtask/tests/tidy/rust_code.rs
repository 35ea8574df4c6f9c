//! Rust source with comments and the insides of literals blanked: what is left is code, line by line.

/// `text` with every comment and every character inside a string or character literal replaced by a blank;
/// quotes and line ends stay.
pub(crate) fn code_of(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while !rest.is_empty() {
        let token = token(rest, code.chars().next_back());
        let (kept, after) = rest.split_at(token.kept);
        let (blanked, after) = after.split_at(token.blanked.min(after.len()));
        let (closing, after) = after.split_at(token.closing.min(after.len()));
        code.push_str(kept);
        code.extend(blanked.chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
        code.push_str(closing);
        rest = after;
    }
    code
}

/// The parts of what stands next, in bytes; at least one is not zero.
struct Token {
    kept: usize,
    blanked: usize,
    closing: usize,
}

fn token(rest: &str, before: Option<char>) -> Token {
    let in_word = before.is_some_and(|char| char.is_alphanumeric() || char == '_');
    if rest.starts_with("//") {
        return Token { kept: 0, blanked: rest.find('\n').unwrap_or(rest.len()), closing: 0 };
    }
    if rest.starts_with("/*") {
        return Token { kept: 0, blanked: block_comment(rest), closing: 0 };
    }
    if !in_word && let Some(hashes) = raw_string(rest) {
        let opening = rest.find('"').map_or(rest.len(), |at| at + 1);
        let closing = format!("\"{}", "#".repeat(hashes));
        let inside = &rest[opening..];
        let blanked = inside.find(&closing).unwrap_or(inside.len());
        return Token { kept: opening, blanked, closing: closing.len() };
    }
    match rest.as_bytes()[0] {
        b'"' => Token { kept: 1, blanked: literal(&rest[1..], '"'), closing: 1 },
        b'\'' if is_char_literal(rest) => Token { kept: 1, blanked: literal(&rest[1..], '\''), closing: 1 },
        _ => Token { kept: rest.chars().next().map_or(0, char::len_utf8), blanked: 0, closing: 0 },
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The number of hashes of a raw string that starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// A quote starts a character unless it starts a lifetime.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest[1..].chars();
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// Bytes before the closing `quote`, escapes skipped.
fn literal(inside: &str, quote: char) -> usize {
    let mut chars = inside.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            char if char == quote => return at,
            _ => {}
        }
    }
    inside.len()
}

#[test]
fn comments_and_literals_are_blanked_and_code_is_kept() {
    for (text, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x\"y") g"#, r#"f("    ") g"#),
        ("r#\"a\"b\"# c", "r#\"   \"# c"),
        ("'a' 'b str '\\'' x", "' ' 'b str '  ' x"),
        ("\"é\" é", "\" \" é"),
        ("for r in \"ab\" // c", "for r in \"  \""),
        ("\"unclosed", "\""),
    ] {
        assert_eq!(code_of(text).trim_end(), expected, "{text}");
    }
}

#[test]
fn every_line_keeps_its_number() {
    for file in crate::tree::rust_files() {
        assert_eq!(code_of(&file.text).lines().count(), file.text.lines().count(), "{}", file.path);
    }
}
