//! The laws that `fuzz/` looks for exceptions to, one a file: a plain function `holds` from bytes, which panics where its
//! law is broken. Here, on stable, every committed input of theirs is replayed.

#[cfg(test)]
mod cxml;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod patterns;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod plane;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tables;

#[cfg(test)]
mod replay {
    use std::fs;
    use std::path::Path;

    /// Gives every committed input of a target to its law; the one that breaks it is the last one named.
    fn replay(target: &str, holds: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut inputs: Vec<_> = entries.filter(|path| path.is_file()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "no input in {}", folder.display());
        for input in inputs {
            println!("{}", input.display());
            holds(&fs::read(&input).unwrap());
        }
    }

    #[test]
    fn the_fuzz_corpus_of_cxml_still_holds() {
        replay("cxml", crate::cxml::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_lifecycle_still_holds() {
        replay("lifecycle", crate::lifecycle::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_numbers_still_holds() {
        replay("numbers", crate::numbers::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_patterns_still_holds() {
        replay("patterns", crate::patterns::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_payloads_still_holds() {
        replay("payloads", crate::payloads::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_plane_still_holds() {
        replay("plane", crate::plane::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_redaction_still_holds() {
        replay("redaction", crate::redaction::holds);
    }

    #[test]
    fn the_fuzz_corpus_of_tables_still_holds() {
        replay("tables", crate::tables::holds);
    }
}
