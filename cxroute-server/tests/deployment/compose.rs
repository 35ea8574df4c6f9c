//! A Compose file as Compose reads it: only keys that are named here, `${…}` filled in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::read;

/// Variables by name, as `.env` and the shell give them.
pub(crate) type Variables = BTreeMap<String, String>;

/// A Compose file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    #[serde(default, rename = "name")]
    _name: Option<String>,
    #[serde(default, rename = "x-server")]
    _server: Option<IgnoredAny>,
    pub(crate) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(crate) volumes: BTreeMap<String, Option<BTreeMap<String, String>>>,
}

/// A service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Service {
    pub(crate) build: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) command: Vec<String>,
    pub(crate) restart: Option<String>,
    pub(crate) hostname: Option<String>,
    pub(crate) stop_grace_period: Option<String>,
    pub(crate) environment: Variables,
    pub(crate) env_file: Vec<EnvFile>,
    pub(crate) ports: Vec<String>,
    pub(crate) volumes: Vec<String>,
    pub(crate) healthcheck: Option<Healthcheck>,
    pub(crate) depends_on: BTreeMap<String, Dependency>,
}

/// A file of variables.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvFile {
    pub(crate) path: String,
    pub(crate) required: bool,
}

/// How a service's health is asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
    pub(crate) interval: String,
    pub(crate) timeout: String,
    pub(crate) start_period: String,
    pub(crate) retries: u32,
}

/// What a service waits for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    pub(crate) condition: String,
}

impl Compose {
    /// A file as it is written.
    pub(crate) fn raw(path: &str) -> Self {
        serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A file with its variables filled in; the message of the first one that is missing.
    pub(crate) fn filled(path: &str, variables: &Variables) -> Result<Self, String> {
        let mut compose = Self::raw(path);
        let mut missing = None;
        compose.each_text(|_, text| match filled(text, variables) {
            Ok(filled) => *text = filled,
            Err(message) => missing = Some(message),
        });
        missing.map_or(Ok(compose), Err)
    }

    /// Calls `on` with every text in which Compose fills variables in, and the service that it is of.
    pub(crate) fn each_text(&mut self, mut on: impl FnMut(&str, &mut String)) {
        for (name, service) in &mut self.services {
            let texts = service.command.iter_mut().chain(&mut service.ports).chain(&mut service.volumes);
            let texts = texts.chain(service.environment.values_mut()).chain(&mut service.image);
            let health = service.healthcheck.iter_mut().flat_map(|check| &mut check.test);
            texts.chain(health).for_each(|text| on(name, text));
        }
    }
}

/// A part of a text: `${NAME:?message}`, `${NAME:-default}`, or what stands between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    /// It has to be given.
    Required(&'a str),
    Optional(&'a str, &'a str),
}

/// A text's pieces; `$$` is a dollar. Anything else that begins with a dollar is a mistake here.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        pieces.push(Piece::Plain(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            pieces.push(Piece::Plain("$"));
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (inner, after) = inner.unwrap_or_else(|| panic!("expected ${{NAME…}} or $$ in {text}"));
        pieces.push(match (inner.split_once(":?"), inner.split_once(":-")) {
            (Some((name, message)), None) if !message.is_empty() => Piece::Required(name),
            (None, Some((name, default))) => Piece::Optional(name, default),
            _ => panic!("expected ${{NAME:?message}} or ${{NAME:-default}} in {text}"),
        });
        rest = after;
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

fn filled(text: &str, variables: &Variables) -> Result<String, String> {
    let given = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Plain(text) => Ok(text.to_owned()),
        Piece::Required(name) => given(name).cloned().ok_or_else(|| format!("{name} is not set")),
        Piece::Optional(name, default) => Ok(given(name).map_or(default, String::as_str).to_owned()),
    });
    parts.collect()
}

#[test]
fn variables_are_filled_in_as_compose_does_it() {
    let variables: Variables = [("A", "1"), ("EMPTY", "")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    for (text, expected) in [
        ("plain", Ok("plain")),
        ("x${A:?m}y$${A}", Ok("x1y${A}")),
        ("${B:-two}${A:-two}${EMPTY:-three}", Ok("two1three")),
        ("${B:?m}", Err("B is not set")),
        ("${EMPTY:?m}", Err("EMPTY is not set")),
    ] {
        assert_eq!(filled(text, &variables), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}
