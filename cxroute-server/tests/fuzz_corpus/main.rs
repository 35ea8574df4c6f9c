//! The law of the server that `fuzz/` looks for exceptions to; here, on stable, every committed input of it is replayed.

#[cfg(test)]
mod config_file;

#[cfg(test)]
mod replay {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_fuzz_corpus_of_config_file_still_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/config_file");
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let inputs: Vec<_> = entries.filter(|path| path.is_file()).collect();
        assert!(!inputs.is_empty(), "no input in {}", folder.display());
        for input in inputs {
            println!("{}", input.display());
            crate::config_file::holds(&fs::read(&input).unwrap());
        }
    }
}
