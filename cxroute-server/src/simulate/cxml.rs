//! CXML as a platform reads it: bytes in, the verbs to execute and every fault out. The parser is a general one
//! (roxmltree), and the vocabulary is this module's own, so that it cannot share a mistake with what it reads.

use roxmltree::{Document, Node, ParsingOptions};

use super::violation::{Violation, ViolationKind};
use super::vocabulary::{self, Element, Text, VERBS, Value};

/// The largest answer that is read as CXML, in bytes (TwiML's limit; Cloudonix publishes none).
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What an answer says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The verbs in order; empty when the answer cannot be executed at all.
    pub(super) verbs: Vec<Verb>,
    /// What is wrong with it.
    pub(super) faults: Vec<Violation>,
    /// What is odd and allowed.
    pub(super) oddities: Vec<String>,
    /// Whether it is a document that a platform can execute.
    pub(super) executable: Executable,
}

/// Whether a document can be executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Executable {
    /// It is no CXML.
    #[default]
    No,
    /// It is a `<Response>`.
    Yes,
}

/// One verb to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Dial somebody, ring until `timeout` (s) is over.
    Dial { targets: Vec<Target>, action: Option<Callback>, timeout: u64 },
    /// Hand the call to an agent behind a WebSocket.
    Connect { targets: Vec<Target>, action: Option<Callback> },
    /// End.
    Hangup,
    /// End without an answer, for this reason.
    Reject(String),
    /// Speak or play: the platform answers the call.
    Speak,
    /// Wait for seconds.
    Pause(u64),
    /// Ask the caller for digits.
    Gather(Option<Callback>),
    /// Record the caller.
    Record(Option<Callback>),
    /// Go on with another document.
    Redirect(Callback),
    /// A verb that runs beside the call.
    Beside,
}

/// A URL that CXML names, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Callback {
    pub(super) url: String,
    pub(super) method: http::Method,
}

/// Whom a dial reaches. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Target {
    /// `service`, `number`, `sip`, `conference` or `stream`.
    pub(super) noun: &'static str,
    pub(super) provider: Option<String>,
    pub(super) username: Option<String>,
    pub(super) value: String,
}

impl Target {
    /// Whether this is an agent (in contrast to a number of somebody).
    pub(super) fn is_agent(&self) -> bool {
        matches!(self.noun, "service" | "stream")
    }
}

/// Reads an answer.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    if bytes.len() > MAX_BYTES {
        let detail = format!("{} bytes where a platform reads {MAX_BYTES}", bytes.len());
        reading.faults.push(Violation::new(ViolationKind::TooLarge, detail));
    }
    let document = std::str::from_utf8(bytes).map_err(|error| error.to_string()).and_then(|text| {
        Document::parse_with_options(text, ParsingOptions::default()).map_err(|error| error.to_string())
    });
    match document {
        Err(error) => reading.faults.push(Violation::new(ViolationKind::NotXml, error)),
        Ok(document) => read_response(document.root_element(), &mut reading),
    }
    reading
}

fn read_response(root: Node<'_, '_>, reading: &mut Reading) {
    if root.tag_name().name() != "Response" || root.tag_name().namespace().is_some() {
        let detail = format!("the element is <{}>", root.tag_name().name());
        return reading.faults.push(Violation::new(ViolationKind::NotResponse, detail));
    }
    reading.executable = Executable::Yes;
    for attribute in root.attributes() {
        let detail = format!("{} of <Response>", attribute.name());
        reading.faults.push(Violation::new(ViolationKind::UnknownAttribute, detail));
    }
    check_text(root, Text::None, reading);
    check_children(root, VERBS, reading);
    reading.verbs = root.children().filter(Node::is_element).filter_map(verb).collect();
}

fn check_children(parent: Node<'_, '_>, allowed: &[&str], reading: &mut Reading) {
    for child in parent.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        match vocabulary::element(name).filter(|_| allowed.contains(&name)) {
            Some(element) => check(child, element, reading),
            None => {
                let detail = format!("<{name}> in <{}>", parent.tag_name().name());
                reading.faults.push(Violation::new(ViolationKind::UnknownVerb, detail));
            }
        }
    }
}

fn check(node: Node<'_, '_>, element: &Element, reading: &mut Reading) {
    for attribute in node.attributes() {
        let known = element.attributes.iter().find(|(name, _)| *name == attribute.name());
        match known.filter(|_| attribute.namespace().is_none()) {
            None => {
                let detail = format!("{} of <{}>", attribute.name(), element.name);
                reading.faults.push(Violation::new(ViolationKind::UnknownAttribute, detail));
            }
            Some((name, value)) => check_value(element.name, name, *value, attribute.value(), reading),
        }
    }
    check_text(node, element.text, reading);
    check_children(node, element.children, reading);
    check_presence(node, element, reading);
}

fn check_value(element: &str, name: &str, kind: Value, value: &str, reading: &mut Reading) {
    let expected = match kind {
        Value::Text => return,
        Value::Number if value.parse::<u32>().is_ok() => return,
        Value::Method if matches!(value, "GET" | "POST") => return,
        Value::Flag if matches!(value, "true" | "false") => return,
        Value::Word(words) if words.contains(&value) => return,
        Value::WebSocket if value.starts_with("wss://") && value.parse::<http::Uri>().is_ok() => return,
        Value::Provider if !value.is_empty() && value.to_lowercase() == value => {
            if !vocabulary::PROVIDERS.contains(&value) {
                reading.oddities.push(format!("provider {value:?} is not among the known ones"));
            }
            return;
        }
        Value::Number => "a whole number".to_owned(),
        Value::Method => "GET or POST".to_owned(),
        Value::Flag => "true or false".to_owned(),
        Value::WebSocket => "a wss:// URL".to_owned(),
        Value::Provider => "a name in lower case".to_owned(),
        Value::Word(words) => format!("one of {}", words.join(", ")),
    };
    let detail = format!("{name} of <{element}> is {value:?} where {expected} was expected");
    reading.faults.push(Violation::new(ViolationKind::AttributeValue, detail));
}

fn check_text(node: Node<'_, '_>, rule: Text, reading: &mut Reading) {
    let (text, name) = (text_of(node), node.tag_name().name());
    let has_children = node.children().any(|child| child.is_element());
    let fault = match rule {
        Text::None if text.trim().is_empty() => return,
        Text::InsteadOfChildren if has_children && text.trim().is_empty() => return,
        Text::None => (ViolationKind::StrayText, format!("text in <{name}>")),
        Text::InsteadOfChildren if has_children => {
            (ViolationKind::StrayText, format!("text beside the nouns of <{name}>"))
        }
        Text::Must | Text::InsteadOfChildren if text.trim().is_empty() => {
            (ViolationKind::MissingTarget, format!("<{name}> names nothing"))
        }
        _ if text.trim() != text => (ViolationKind::WhiteSpace, format!("around the text of <{name}>")),
        _ => return,
    };
    reading.faults.push(Violation::new(fault.0, fault.1));
}

fn check_presence(node: Node<'_, '_>, element: &Element, reading: &mut Reading) {
    let missing = match element.name {
        "Dial" => {
            let has_children = node.children().any(|child| child.is_element());
            (has_children && targets(node).is_empty()).then_some("<Dial> has no noun")
        }
        "Connect" | "Start" => {
            (!node.children().any(|child| child.has_tag_name("Stream"))).then_some("no <Stream> in it")
        }
        "Service" => node.attribute("provider").is_none().then_some("<Service> has no provider"),
        "Stream" if node.parent().is_some_and(|parent| !parent.has_tag_name("Stop")) => {
            node.attribute("url").is_none().then_some("<Stream> has no url")
        }
        "Header" | "Parameter" => {
            node.attribute("name").is_none().then_some("a header or parameter has no name")
        }
        _ => None,
    };
    if let Some(detail) = missing {
        reading.faults.push(Violation::new(ViolationKind::MissingTarget, detail));
    }
}

fn verb(node: Node<'_, '_>) -> Option<Verb> {
    let number = |name, default| node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    Some(match node.tag_name().name() {
        "Dial" => Verb::Dial { targets: targets(node), action: action(node), timeout: number("timeout", 60) },
        "Connect" => Verb::Connect { targets: targets(node), action: action(node) },
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject(node.attribute("reason").unwrap_or("rejected").to_owned()),
        "Say" | "Play" => Verb::Speak,
        "Pause" => Verb::Pause(number("length", 1)),
        "Gather" => Verb::Gather(action(node)),
        "Record" => Verb::Record(action(node)),
        "Redirect" => Verb::Redirect(Callback { url: text_of(node).trim().to_owned(), method: method(node) }),
        "Start" | "Stop" | "Coach" | "Converse" => Verb::Beside,
        _ => return None,
    })
}

fn action(node: Node<'_, '_>) -> Option<Callback> {
    node.attribute("action").map(|url| Callback { url: url.to_owned(), method: method(node) })
}

fn method(node: Node<'_, '_>) -> http::Method {
    if node.attribute("method") == Some("GET") { http::Method::GET } else { http::Method::POST }
}

fn targets(node: Node<'_, '_>) -> Vec<Target> {
    let nouns: Vec<Target> = node.children().filter_map(target).collect();
    let text = text_of(node);
    let bare = node.has_tag_name("Dial") && nouns.is_empty() && !text.trim().is_empty();
    if !bare {
        return nouns;
    }
    vec![Target { noun: "number", provider: None, username: None, value: text.trim().to_owned() }]
}

fn target(node: Node<'_, '_>) -> Option<Target> {
    let noun = match node.tag_name().name() {
        "Service" => "service",
        "Number" => "number",
        "Sip" => "sip",
        "Conference" => "conference",
        "Stream" => "stream",
        _ => return None,
    };
    let value = match node.attribute("url").filter(|_| noun == "stream") {
        Some(url) => url.to_owned(),
        None => text_of(node).trim().to_owned(),
    };
    let own = |name| node.attribute(name).map(str::to_owned);
    (!value.is_empty()).then(|| Target { noun, provider: own("provider"), username: own("username"), value })
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// The document with every password replaced, for logs; what is not well-formed is not shown at all.
pub(super) fn masked(source: &str) -> String {
    let Ok(document) = Document::parse(source) else {
        return format!("({} bytes that are not well-formed XML)", source.len());
    };
    let passwords = document.descendants().flat_map(|node| node.attributes());
    let mut ranges: Vec<_> = passwords
        .filter(|attribute| attribute.name() == "password")
        .map(|found| found.range_value())
        .collect();
    ranges.sort_unstable_by_key(|range| std::cmp::Reverse(range.start));
    let mut text = source.to_owned();
    for range in ranges {
        text.replace_range(range, "***");
    }
    text
}

#[cfg(test)]
mod tests;
