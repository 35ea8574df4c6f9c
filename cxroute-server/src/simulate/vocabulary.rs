//! CXML as data: which elements stand where, their attributes, their text (FACTS §2; where FACTS lists no
//! attributes of a verb, those of TwiML, with which CXML is mostly compatible).

/// What the value of an attribute must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Any text.
    Text,
    /// A whole number, 0 or more.
    Number,
    /// GET or POST.
    Method,
    /// true or false.
    Flag,
    /// A provider's name: lower case.
    Provider,
    /// A wss URL.
    WebSocket,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Whether an element has text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Never.
    None,
    /// It can stand in place of child elements.
    InsteadOfChildren,
    /// It may be empty.
    May,
    /// It must not be empty.
    Must,
}

/// One element of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) attributes: &'static [(&'static str, Value)],
    pub(super) children: &'static [&'static str],
    pub(super) text: Text,
}

/// The verbs: the children of `<Response>`.
pub(super) const VERBS: &[&str] = &[
    "Dial", "Hangup", "Say", "Play", "Gather", "Record", "Redirect", "Pause", "Reject", "Coach", "Start",
    "Stop", "Connect", "Converse",
];

/// The element of a name; `None` when CXML has none.
pub(super) fn element(name: &str) -> Option<&'static Element> {
    ELEMENTS.iter().find(|element| element.name == name)
}

/// Provider names seen in running code (FACTS §2); others are noted, not refused.
pub(super) const PROVIDERS: &[&str] = &[
    "synthflow",
    "dasha",
    "superdash.ai",
    "ultravox",
    "elevenlabs",
    "deepvox",
    "deepvox-sandbox",
    "relayhawk",
    "voicehub",
    "retell",
    "retell-udp",
    "retell-tcp",
    "retell-tls",
    "vapi",
    "vapi-udp",
    "vapi-noproxy",
    "fonio",
    "sigmamind",
    "modon",
    "modon-sandbox",
    "puretalk",
    "puretalk-tcp",
    "millis-us",
    "millis-eu",
    "rapida",
    "smallest",
    "call2me",
    "call2me-tcp",
    "call2me-tls",
    "revring",
    "x",
    "openai",
    "vogent",
    "omnidim.im",
    "ringg",
    "ringg-tcp",
    "ringg-tls",
    "vomyra",
    "telnyx",
    "telnyx-udp",
    "telnyx-tcp",
    "telnyx-tls",
];

const fn leaf(name: &'static str, attributes: &'static [(&'static str, Value)], text: Text) -> Element {
    Element { name, attributes, children: &[], text }
}

const SPOKEN: &[&str] = &["Say", "Play", "Pause"];

const ELEMENTS: &[Element] = &[
    Element {
        name: "Dial",
        attributes: &[
            ("action", Value::Text),
            ("method", Value::Method),
            ("callerId", Value::Text),
            ("callerName", Value::Text),
            ("forwardHeaders", Value::Text),
            ("headers", Value::Text),
            ("hangupOnStar", Value::Flag),
            ("hangupOn", Value::Text),
            ("record", Value::Text),
            ("recordingStatusCallback", Value::Text),
            ("recordingStatusCallbackMethod", Value::Method),
            ("recordingStatusCallbackEvent", Value::Text),
            ("timeLimit", Value::Number),
            ("timeout", Value::Number),
            ("trim", Value::Text),
            ("trunks", Value::Text),
        ],
        children: &["Header", "Number", "Sip", "Conference", "Service"],
        text: Text::InsteadOfChildren,
    },
    leaf("Header", &[("name", Value::Text), ("value", Value::Text)], Text::None),
    leaf("Number", &[], Text::Must),
    leaf("Sip", &[("username", Value::Text), ("password", Value::Text), ("domain", Value::Text)], Text::Must),
    leaf(
        "Service",
        &[("provider", Value::Provider), ("username", Value::Text), ("password", Value::Text)],
        Text::Must,
    ),
    leaf(
        "Conference",
        &[
            ("muted", Value::Flag),
            ("beep", Value::Text),
            ("startConferenceOnEnter", Value::Flag),
            ("endConferenceOnExit", Value::Flag),
            ("waitUrl", Value::Text),
            ("waitMethod", Value::Method),
            ("maxParticipants", Value::Number),
        ],
        Text::Must,
    ),
    leaf("Hangup", &[], Text::None),
    leaf("Say", &[("voice", Value::Text), ("language", Value::Text), ("loop", Value::Number)], Text::May),
    leaf("Play", &[("loop", Value::Number), ("digits", Value::Text)], Text::Must),
    leaf("Pause", &[("length", Value::Number)], Text::None),
    leaf("Redirect", &[("method", Value::Method)], Text::Must),
    leaf("Reject", &[("reason", Value::Word(&["rejected", "busy", "congestion", "failed"]))], Text::None),
    Element {
        name: "Gather",
        attributes: &[
            ("action", Value::Text),
            ("method", Value::Method),
            ("input", Value::Text),
            ("timeout", Value::Number),
            ("speechTimeout", Value::Text),
            ("maxSpeechTime", Value::Number),
            ("finishOnKey", Value::Text),
            ("numDigits", Value::Number),
            ("maxTimeout", Value::Number),
            ("actionOnEmptyResult", Value::Flag),
            ("language", Value::Text),
            ("hints", Value::Text),
        ],
        children: SPOKEN,
        text: Text::None,
    },
    leaf(
        "Record",
        &[
            ("action", Value::Text),
            ("method", Value::Method),
            ("timeout", Value::Number),
            ("finishOnKey", Value::Text),
            ("maxLength", Value::Number),
            ("playBeep", Value::Flag),
            ("trim", Value::Text),
            ("recordingStatusCallback", Value::Text),
            ("recordingStatusCallbackMethod", Value::Method),
            ("recordingStatusCallbackEvent", Value::Text),
        ],
        Text::None,
    ),
    Element {
        name: "Connect",
        attributes: &[("action", Value::Text), ("method", Value::Method)],
        children: &["Stream"],
        text: Text::None,
    },
    Element { name: "Start", attributes: &[], children: &["Stream"], text: Text::None },
    Element { name: "Stop", attributes: &[], children: &["Stream"], text: Text::None },
    Element {
        name: "Stream",
        attributes: &[
            ("url", Value::WebSocket),
            ("name", Value::Text),
            ("track", Value::Word(&["inbound_track", "outbound_track", "both_tracks"])),
        ],
        children: &["Parameter"],
        text: Text::None,
    },
    leaf("Parameter", &[("name", Value::Text), ("value", Value::Text)], Text::None),
    leaf("Coach", &[], Text::May),
    leaf("Converse", &[], Text::May),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_every_child_is_defined_once() {
        let named = ELEMENTS.iter().flat_map(|element| element.children.iter()).chain(VERBS);
        for name in named {
            assert_eq!(ELEMENTS.iter().filter(|element| element.name == *name).count(), 1, "{name}");
        }
    }

    #[test]
    fn provider_names_are_lower_case() {
        assert!(PROVIDERS.iter().all(|name| *name == name.to_lowercase()));
    }
}
