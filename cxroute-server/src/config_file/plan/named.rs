//! Entries that are recognised by a name that is unique among them.

use std::collections::{HashMap, HashSet};

use crate::config_file::read::FormError;
use crate::config_file::value::At;

/// A list of the form beside what is stored.
pub(super) struct Matched<'a, F, T> {
    /// Every entry of the form, with the stored one of its name.
    pub(super) entries: Vec<(&'a At<F>, Option<&'a T>)>,
    /// Stored ones that the form does not name.
    pub(super) gone: Vec<&'a T>,
}

/// Finds the stored entry of every name.
pub(super) fn by_name<'a, F, T>(
    list: &str,
    form: &'a [At<F>],
    form_name: impl Fn(&F) -> &str,
    stored: &'a [T],
    stored_name: impl Fn(&T) -> &str,
) -> Result<Matched<'a, F, T>, FormError> {
    let mut lines = HashMap::with_capacity(form.len());
    for entry in form {
        let name = form_name(entry);
        if let Some(first) = lines.insert(name, entry.line) {
            return Err(twice(entry.line, &format!("{list}: the name {name:?}"), first));
        }
    }
    let known: HashMap<&str, &T> = stored.iter().map(|entry| (stored_name(entry), entry)).collect();
    let entries: Vec<_> = form.iter().map(|entry| (entry, known.get(form_name(entry)).copied())).collect();
    let named: HashSet<&str> = lines.into_keys().collect();
    let gone = stored.iter().filter(|entry| !named.contains(stored_name(entry))).collect();
    Ok(Matched { entries, gone })
}

/// Something that must be unique is there twice.
pub(super) fn twice(line: Option<u64>, what: &str, first: Option<u64>) -> FormError {
    let place = first.map(|line| format!(", on line {line}")).unwrap_or_default();
    FormError::new(line, format!("{what} is there already{place}"))
}

/// The id of what has this name.
pub(super) fn resolve<Id: Copy>(
    ids: &HashMap<&str, Id>,
    kind: &str,
    name: &str,
    line: Option<u64>,
    from: &str,
) -> Result<Id, FormError> {
    ids.get(name)
        .copied()
        .ok_or_else(|| FormError::new(line, format!("{from}: there is no {kind} named {name:?}")))
}
