//! Any text, however strange, yields a document that a general XML parser reads back to what was put in.

use proptest::prelude::*;
use roxmltree::{Document, Node};

use crate::cxml::*;

/// What a reader gets of `text`: characters that XML 1.0 cannot hold are replaced, nothing else changes.
fn readable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => c,
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

fn content(text: &str) -> String {
    readable(text.trim_matches([' ', '\t', '\n', '\r']))
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "]]>",
        "<![CDATA[",
        "-->",
        "<?xml?>",
        "&amp;",
        "&#0;",
        "\"",
        "'",
        "\r\n",
        "\t",
        " ",
        "\u{0}",
        "\u{b}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{feff}",
        "😀",
        "<Hangup/>",
        "\u{ef3f}",
    ]);
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), any::<String>()], 0..6)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_dial_reads_back_to_its_texts_in_order(
        caller in any_text(), url in any_text(), provider in any_text(), value in any_text(),
        username in any_text(), password in any_text(), number in any_text(), header in "[^\\p{Cc}]{0,20}",
    ) {
        let dial = Dial::new(Service::new(&*provider, &*value).username(&*username).password(&*password))
            .and(Number::new(&*number))
            .caller_id(&*caller)
            .action(Action::post(&*url))
            .header(Header::new("X-Any", &*header).unwrap());
        let rendered = Response::new(dial).then(Hangup).render();
        let document = Document::parse(&rendered).unwrap();
        let verbs: Vec<_> = document.root_element().children().collect();
        let nouns: Vec<_> = verbs[0].children().collect();
        let names = |nodes: &[Node<'_, '_>]| nodes.iter().map(|n| n.tag_name().name().to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(names(&verbs), ["Dial", "Hangup"]);
        prop_assert_eq!(names(&nouns), ["Header", "Service", "Number"]);
        prop_assert_eq!(attribute(verbs[0], "callerId"), readable(&caller));
        prop_assert_eq!(attribute(verbs[0], "action"), readable(&url));
        prop_assert_eq!(attribute(nouns[0], "value"), readable(&header));
        prop_assert_eq!(attribute(nouns[1], "provider"), readable(&provider));
        prop_assert_eq!(attribute(nouns[1], "username"), readable(&username));
        prop_assert_eq!(attribute(nouns[1], "password"), readable(&password));
        prop_assert_eq!(nouns[1].text().unwrap_or_default(), content(&value));
        prop_assert_eq!(nouns[2].text().unwrap_or_default(), content(&number));
    }

    #[test]
    fn every_text_of_every_other_verb_keeps_the_document_well_formed(text in any_text()) {
        let t = &*text;
        let response = Response::new(Say::new(t).voice(Voice(t.into())).language(Language(t.into())))
            .then(Play::new(t))
            .then(Redirect::new(Method::Post, t))
            .then(Gather::new().finish_on_key(t).prompt(Say::new(t)))
            .then(Record::new().finish_on_key(t).recording_callback(RecordingCallback::new(t).events(t)))
            .then(Connect::new(Stream::new(t).name(t).parameter(Parameter::new(t, t))))
            .then(Start::new(Stream::new(t)))
            .then(Stop::new(t))
            .then(Dial::new(Conference::new(t)).hangup_on(t).encoded_headers(t).caller_name(t))
            .then(Dial::new(Sip::new(t).domain(t)));
        let rendered = response.render();
        let document = Document::parse(&rendered).unwrap();
        prop_assert_eq!(document.root_element().children().count(), response.verbs().len());
        let say = document.root_element().first_child().unwrap();
        prop_assert_eq!(say.text().unwrap_or_default(), content(t));
        let masked = response.masked();
        prop_assert!(Document::parse(&masked).is_ok(), "{}", masked);
    }
}
