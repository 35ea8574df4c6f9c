//! Fuzz inputs as scripts that people can write and read: a line is an operation, its first letter says which, and the
//! digits in it are its choices. `ring call 1 group 2` is `r12`; a line that begins with no operation's letter, such as
//! `# a comment`, does nothing. A fuzzer changes such a text as easily as any other bytes.

/// One line of a script.
pub(crate) struct Line<'a> {
    /// The operation's letter.
    pub(crate) letter: char,
    rest: &'a [u8],
}

/// The lines of a script, at most `most`.
pub(crate) fn lines(bytes: &[u8], most: usize) -> impl Iterator<Item = Line<'_>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| line.split_first());
    lines.map(|(letter, rest)| Line { letter: char::from(*letter), rest }).take(most)
}

impl Line<'_> {
    /// The next choice: the next digit, 0 where there is none.
    pub(crate) fn choice(&mut self) -> usize {
        let Some(at) = self.rest.iter().position(u8::is_ascii_digit) else { return 0 };
        let digit = self.rest[at] - b'0';
        self.rest = &self.rest[at + 1..];
        usize::from(digit)
    }
}
