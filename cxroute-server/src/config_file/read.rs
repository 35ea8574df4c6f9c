//! Reading and writing the form as YAML. An error names line and path and what was expected; it never quotes the file,
//! where secrets stand.

use serde_saphyr::Options;

use super::form::Form;
use super::value::Given;

/// What is wrong with a configuration file, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.place())]
pub struct FormError {
    /// The line, counted from 1, where one is known.
    pub line: Option<u64>,
    /// What was expected.
    pub message: String,
}

impl FormError {
    /// An error on a line.
    pub fn new(line: Option<u64>, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    fn place(&self) -> String {
        self.line.map(|line| format!("line {line}: ")).unwrap_or_default()
    }
}

impl Form {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`FormError`] names the line, the path of the key and what was expected there.
    pub fn parse(yaml: &str) -> Result<Self, FormError> {
        let form: Self =
            serde_saphyr::from_str_with_options(yaml, options()).map_err(|error| explain(yaml, &error))?;
        match (&form.webhook_key, &form.webhook_keys) {
            (Given::Absent, _) | (_, Given::Absent) => Ok(form),
            _ => Err(FormError::new(None, "expected webhook_key or webhook_keys, got both")),
        }
    }

    /// Writes the form as YAML, without secrets.
    ///
    /// # Errors
    /// Only for what YAML cannot say, which a form does not hold.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        serde_saphyr::to_string(self)
    }
}

/// An operator's own file may be large; what is limited is nesting and what aliases multiply to.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 100_000_000,
            max_nodes: 50_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Reads once more, this time keeping account of the path, which costs too much to do it for every file.
fn explain(yaml: &str, error: &serde_saphyr::Error) -> FormError {
    let mut path = String::new();
    let traced = serde_saphyr::with_deserializer_from_str_with_options(yaml, options(), |deserializer| {
        serde_path_to_error::deserialize::<_, Form>(deserializer).map_err(|error| {
            path = error.path().to_string();
            error.into_inner()
        })
    });
    let error = traced.as_ref().err().unwrap_or(error);
    let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
    // The entry of a list is wrapped to know its line; the wrapper is no part of the path.
    let path = path.replace("].value", "]").replace(".?", "");
    let path = if path.is_empty() || path == "." || path == "?" { path } else { format!("{path}: ") };
    FormError::new(line, format!("{}{}", path.trim_start_matches(['.', '?']), message(error)))
}

/// The error's own words, less the place, which is said before, and with advice that fits a file instead of code.
fn message(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error.without_snippet() {
        Error::MultipleDocuments { .. } => "expected one document, got a second one behind `---`".to_owned(),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map(|key| format!(" {key:?}")).unwrap_or_default();
            format!("the key{key} is there already")
        }
        other => {
            let text = other.to_string();
            let text = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
            match text.strip_prefix("invalid u") {
                Some(_) => "expected a whole number in range, not negative".to_owned(),
                None => text.to_owned(),
            }
        }
    }
}
