//! Differences in words: `max_concurrent_calls 5 → 10, password changed`. Secrets only ever get a verb.

use serde::Serialize;
use serde_json::Value;

/// The differences of one aggregate.
#[derive(Debug, Default)]
pub(super) struct Differences(Vec<String>);

impl Differences {
    /// The aggregate is new.
    pub(super) fn created() -> Self {
        Self(vec!["created".to_owned()])
    }

    /// A field that is no secret.
    pub(super) fn field<T: Serialize + PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("{key} {} → {}", text(old), text(new)));
        }
    }

    /// A block of fields, compared key by key.
    pub(super) fn block<T: Serialize + PartialEq>(&mut self, key: &str, old: &T, new: &T) {
        if old != new {
            let (old, new) = (serde_json::to_value(old), serde_json::to_value(new));
            self.values(key, &old.unwrap_or_default(), &new.unwrap_or_default());
        }
    }

    /// Anything else, in words.
    pub(super) fn say(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// One line, or none if nothing differs.
    pub(super) fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(", "))
    }

    fn values(&mut self, path: &str, old: &Value, new: &Value) {
        let (Value::Object(before), Value::Object(after)) = (old, new) else {
            return self.field(path, old, new);
        };
        for (key, value) in after {
            self.values(&format!("{path}.{key}"), before.get(key).unwrap_or(&Value::Null), value);
        }
        for (key, value) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            self.field(&format!("{path}.{key}"), value, &Value::Null);
        }
    }
}

/// A value as JSON writes it; what nothing is, is `null`.
fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_said_and_blocks_are_taken_apart() {
        let mut differences = Differences::default();
        differences.field("enabled", &true, &true);
        differences.field("max_concurrent_calls", &Some(5), &None);
        let old = serde_json::json!({"a": 1, "b": {"c": 2, "d": 3}, "gone": [1]});
        differences.block("settings", &old, &serde_json::json!({"a": 1, "b": {"c": 4, "d": 3}, "new": "x"}));
        differences.say("password changed");
        let expected = "max_concurrent_calls 5 → null, settings.b.c 2 → 4, settings.new null → \"x\", \
                        settings.gone [1] → null, password changed";
        assert_eq!(differences.into_text().as_deref(), Some(expected));
        assert_eq!(Differences::default().into_text(), None);
    }
}
