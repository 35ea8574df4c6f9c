//! The configuration file: any text is a form that reads back to itself from the YAML that is written of it, or an error
//! that names a line of the file and never a secret in it.

use cxroute_server::config_file::{Form, FormError};

/// Every planted secret begins with it.
const MARK: &str = "pl4nted";

/// The input is a file as an operator writes it.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(yaml) = std::str::from_utf8(bytes) else { return };
    match Form::parse(yaml) {
        Ok(form) => reads_back(&form),
        Err(error) => says_where(&error, yaml),
    }
    if !yaml.to_lowercase().contains(MARK) {
        let secrets = format!("webhook_key: {MARK}1\nsignature_secret: '{MARK}2'\n");
        for file in [format!("{secrets}{yaml}"), format!("{yaml}\n{secrets}")] {
            if let Err(error) = Form::parse(&file) {
                assert!(!error.to_string().contains(MARK), "{error}");
            }
        }
    }
}

fn says_where(error: &FormError, yaml: &str) {
    assert!(!error.message.trim().is_empty());
    if let Some(line) = error.line {
        // The end of the file is a place, too: the line behind the last line break.
        assert!((1..=yaml.split(['\n', '\r']).count() as u64 + 1).contains(&line), "{error}");
        assert_eq!(error.to_string(), format!("line {line}: {}", error.message));
    }
}

/// What is written leaves secrets out, and nothing else.
fn reads_back(form: &Form) {
    let written = form.to_yaml().unwrap();
    let again = Form::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again.to_yaml().unwrap(), written);
    assert_eq!(again.tenant.domain, form.tenant.domain);
}
