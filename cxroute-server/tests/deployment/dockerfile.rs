//! The `Dockerfile` as Docker reads it: stages of instructions, lines joined, arguments as JSON where they are.

use std::collections::BTreeMap;

use crate::read;

/// One stage: what it is built from, how it is called, its instructions in order.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) from: String,
    pub(crate) name: Option<String>,
    pub(crate) instructions: Vec<(String, String)>,
}

/// The stages; the last one is the image.
pub(crate) fn stages() -> Vec<Stage> {
    let text = read("Dockerfile");
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in joined.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (instruction, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let rest = rest.split_whitespace().collect::<Vec<_>>();
        if instruction == "FROM" {
            let name = rest.iter().position(|word| *word == "AS").map(|at| rest[at + 1].to_owned());
            stages.push(Stage { from: rest[0].to_owned(), name, instructions: Vec::new() });
            continue;
        }
        // Within JSON texts white space counts.
        let whole = line[instruction.len()..].trim().to_owned();
        let stage = stages.last_mut().unwrap_or_else(|| panic!("{line} comes before FROM"));
        stage.instructions.push((instruction.to_owned(), whole));
    }
    stages
}

impl Stage {
    /// The arguments of all instructions of a kind.
    pub(crate) fn all<'a>(&'a self, instruction: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions.iter().filter(move |(name, _)| name == instruction).map(|(_, rest)| rest.as_str())
    }

    /// The last instruction of a kind, which counts.
    pub(crate) fn last<'a>(&'a self, instruction: &'a str) -> &'a str {
        self.all(instruction).last().unwrap_or_else(|| panic!("no {instruction}"))
    }

    /// A command in its form of a JSON array: only then signals reach the program itself.
    pub(crate) fn command(&self, instruction: &str) -> Vec<String> {
        let text = self.last(instruction);
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{instruction} {text}: {error}"))
    }

    /// `HEALTHCHECK`'s command.
    pub(crate) fn healthcheck(&self) -> Vec<String> {
        let (_, command) = self.last("HEALTHCHECK").split_once("CMD ").expect("HEALTHCHECK … CMD");
        serde_json::from_str(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Its variables.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        let pairs = self.all("ENV").flat_map(str::split_whitespace);
        pairs
            .map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("ENV {pair}")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
