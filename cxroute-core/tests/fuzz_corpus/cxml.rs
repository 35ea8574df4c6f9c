//! CXML: whatever the texts, a document is one that a general XML parser reads back to the same elements, attributes and
//! texts in the same order (FACTS §2); masked, it is still a document, without its credentials.

use cxroute_core::cxml::{
    Action, Conference, Connect, Dial, Gather, Hangup, Header, Method, Number, Parameter, Pause, Play,
    Record, RecordingCallback, Redirect, Response, Say, Seconds, Service, Sip, Start, Stop, Stream, Trunks,
    Verb, Voice,
};
use roxmltree::{Document, Node};

/// More verbs than this make an input slow, not telling.
const MOST_VERBS: usize = 30;

/// The input is texts between `|`: the first letter of one says which verb comes next, the following ones are its texts.
pub(crate) fn holds(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let mut texts = input.split('|');
    let (mut response, mut expected) = (Response::hangup(), vec![Element::of("Hangup")]);
    while let Some(letter) = texts.next()
        && expected.len() < MOST_VERBS
    {
        let mut text = || texts.next().unwrap_or_default();
        let (verb, element) = verb(letter, [text(), text(), text(), text()]);
        response = response.then(verb);
        expected.push(element);
    }
    let rendered = response.render();
    let document = Document::parse(&rendered).unwrap_or_else(|error| panic!("{error}: {rendered}"));
    assert_eq!(
        Element::read(document.root_element()),
        Element::of("Response").holding(expected),
        "{rendered}"
    );
    assert_eq!(response.render(), rendered, "equal documents give equal bytes");
    let masked = response.masked();
    let document = Document::parse(&masked).unwrap_or_else(|error| panic!("{error}: {masked}"));
    let attributes = document.descendants().flat_map(|node| node.attributes());
    for credential in attributes.filter(|it| ["username", "password"].contains(&it.name())) {
        assert_eq!(credential.value(), "***", "{masked}");
    }
}

/// A verb with these texts, and the element that it is to be read back as.
fn verb<'a>(letter: &str, [a, b, c, d]: [&'a str; 4]) -> (Verb<'a>, Element) {
    match letter.chars().next() {
        Some('d') => dial(a, b, c, d),
        Some('n') => numbers(a, b, c, d),
        Some('g') => gather(a, b, c),
        Some('r') => record(a, b, c),
        Some('c') => connect(a, b, c, d),
        Some('f') => {
            (Redirect::new(Method::Get, a).into(), Element::of("Redirect").with("method", "GET").saying(a))
        }
        Some('p') => (Play::new(a).repeat(0).into(), Element::of("Play").with("loop", "0").saying(a)),
        Some('b') => {
            let stream = Element::of("Stream").with("url", a).with("name", b);
            (Start::new(Stream::new(a).name(b)).into(), Element::of("Start").holding(vec![stream]))
        }
        Some('e') => {
            let stream = Element::of("Stream").with("name", a);
            (Stop::new(a).into(), Element::of("Stop").holding(vec![stream]))
        }
        Some('h') => (Hangup.into(), Element::of("Hangup")),
        Some('w') => (Pause::new(Seconds::new(0)).into(), Element::of("Pause").with("length", "1")),
        _ => (Say::new(a).voice(Voice(b.into())).into(), Element::of("Say").with("voice", b).saying(a)),
    }
}

fn dial<'a>(a: &'a str, b: &'a str, c: &'a str, d: &'a str) -> (Verb<'a>, Element) {
    let service = Service::new(a, b).username(c).password(d);
    let nouns = vec![
        Element::of("Service").with("provider", a).with("username", c).with("password", d).saying(b),
        Element::of("Conference").saying(c),
    ];
    let dial = Dial::new(service).and(Conference::new(c)).caller_id(d).action(Action::post(a));
    let element = Element::of("Dial").with("callerId", d).with("action", a).with("method", "POST");
    (dial.into(), element.holding(nouns))
}

/// Headers come first, and only those that SIP can carry; trunks only where a list can hold them.
fn numbers<'a>(a: &'a str, b: &'a str, c: &'a str, d: &'a str) -> (Verb<'a>, Element) {
    let mut dial = Dial::new(Number::new(a)).and(Sip::new(b).domain(c)).hangup_on(d).encoded_headers(a);
    let (mut element, mut nouns) = (Element::of("Dial"), Vec::new());
    if let Ok(trunks) = Trunks::parse(c) {
        dial = dial.trunks(trunks);
        element = element.with("trunks", c);
    }
    if let Ok(header) = Header::new(d, b) {
        dial = dial.header(header);
        nouns.push(Element::of("Header").with("name", d).with("value", b));
    }
    nouns.push(Element::of("Number").saying(a));
    nouns.push(Element::of("Sip").with("domain", c).saying(b));
    (dial.into(), element.with("hangupOn", d).with("headers", a).holding(nouns))
}

fn gather<'a>(a: &'a str, b: &'a str, c: &'a str) -> (Verb<'a>, Element) {
    let gather =
        Gather::new().action(Action::get(a)).finish_on_key(b).prompt(Say::new(c)).prompt(Play::new(a));
    let element = Element::of("Gather").with("action", a).with("method", "GET").with("finishOnKey", b);
    let prompts = vec![Element::of("Say").saying(c), Element::of("Play").saying(a)];
    (gather.into(), element.holding(prompts))
}

fn record<'a>(a: &'a str, b: &'a str, c: &'a str) -> (Verb<'a>, Element) {
    let callback = RecordingCallback::new(b).method(Method::Post).events(c);
    let element = Element::of("Record").with("finishOnKey", a).with("recordingStatusCallback", b);
    let element =
        element.with("recordingStatusCallbackMethod", "POST").with("recordingStatusCallbackEvent", c);
    (Record::new().finish_on_key(a).recording_callback(callback).into(), element)
}

fn connect<'a>(a: &'a str, b: &'a str, c: &'a str, d: &'a str) -> (Verb<'a>, Element) {
    let stream = Stream::new(a).name(b).parameter(Parameter::new(c, d));
    let parameter = Element::of("Parameter").with("name", c).with("value", d);
    let element = Element::of("Stream").with("url", a).with("name", b).holding(vec![parameter]);
    (Connect::new(stream).into(), Element::of("Connect").holding(vec![element]))
}

/// An element as it was meant, or as it was read; text and children do not mix in CXML.
#[derive(Debug, Default, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), readable(value)));
        self.attributes.sort();
        self
    }

    /// White space around text content is dropped.
    fn saying(self, text: &str) -> Self {
        Self { text: readable(text.trim_matches([' ', '\t', '\n', '\r'])), ..self }
    }

    fn holding(self, children: Vec<Self>) -> Self {
        Self { children, ..self }
    }

    fn read(node: Node<'_, '_>) -> Self {
        let named = |it: roxmltree::Attribute<'_, '_>| (it.name().to_owned(), it.value().to_owned());
        let mut attributes: Vec<_> = node.attributes().map(named).collect();
        attributes.sort();
        let texts = node.children().filter_map(|child| child.is_text().then(|| child.text()).flatten());
        let children = node.children().filter(|child| !child.is_text());
        Self {
            name: node.tag_name().name().to_owned(),
            attributes,
            text: texts.collect(),
            children: children.map(Self::read).collect(),
        }
    }
}

/// Characters that XML 1.0 cannot hold are replaced, nothing else changes.
fn readable(text: &str) -> String {
    let replaced =
        |c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if replaced(c) { '\u{fffd}' } else { c }).collect()
}
