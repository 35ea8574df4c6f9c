//! What is read of CXML, and which faults are found in it.

use super::*;

fn kinds(source: &str) -> Vec<ViolationKind> {
    read(source.as_bytes()).faults.into_iter().map(|fault| fault.kind).collect()
}

#[test]
fn every_verb_of_the_vocabulary_is_read_without_fault() {
    let source = r##"<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say voice="a" language="en-US">Good day &amp; welcome</Say>
  <Play loop="2">https://files.example/a.mp3</Play>
  <Pause length="40"/>
  <Gather action="/next" numDigits="1" timeout="5"><Say>Press one</Say></Gather>
  <Record maxLength="20"/>
  <Dial action="https://x.example/d?a=1&amp;b=2" method="POST" timeout="20" trunks="a,b" callerId="+1">
    <Header name="X-key" value="v"/>
    <Service provider="retell" username="u" password="p">+12127773456</Service>
  </Dial>
  <Dial>+12125550100</Dial>
  <Dial><Sip domain="d">alice</Sip><Number>3000</Number><Conference>room</Conference></Dial>
  <Connect><Stream url="wss://a.example/s"><Parameter name="key" value="v"/></Stream></Connect>
  <Start><Stream url="wss://a.example/s" name="n"/></Start><Stop><Stream name="n"/></Stop>
  <Redirect method="GET">/again?x=1</Redirect>
  <Reject reason="busy"/><Hangup/>
</Response>"##;
    let reading = read(source.as_bytes());
    assert_eq!((reading.faults, reading.oddities), (vec![], vec![]));
    assert_eq!(reading.verbs.len(), 14);
    let Verb::Dial { targets, action, timeout } = &reading.verbs[5] else { panic!("{:?}", reading.verbs) };
    assert_eq!((targets.len(), *timeout), (1, 20));
    assert_eq!(action.as_ref().unwrap().url, "https://x.example/d?a=1&b=2");
    assert_eq!((targets[0].provider.as_deref(), targets[0].value.as_str()), (Some("retell"), "+12127773456"));
    assert!(!format!("{targets:?}").contains("\"p\""), "a target holds no password");
    assert!(matches!(&reading.verbs[6], Verb::Dial { targets, .. } if targets[0].noun == "number"));
}

#[test]
fn each_fault_has_its_kind() {
    use ViolationKind as K;
    for (source, expected) in [
        ("", K::NotXml),
        ("Hangup", K::NotXml),
        ("<Response><Hangup></Response>", K::NotXml),
        ("<Response/><Response/>", K::NotXml),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><Response>&a;</Response>", K::NotXml),
        ("<Hangup/>", K::NotResponse),
        ("<Response xmlns=\"urn:x\"/>", K::NotResponse),
        ("<Response a=\"1\"/>", K::UnknownAttribute),
        ("<Response><Bye/></Response>", K::UnknownVerb),
        ("<Response><Number>1</Number></Response>", K::UnknownVerb),
        ("<Response><Dial><Say>x</Say><Number>1</Number></Dial></Response>", K::UnknownVerb),
        ("<Response><Hangup now=\"1\"/></Response>", K::UnknownAttribute),
        ("<Response><Pause length=\"-1\"/></Response>", K::AttributeValue),
        ("<Response><Reject reason=\"tired\"/></Response>", K::AttributeValue),
        ("<Response><Dial method=\"post\">1</Dial></Response>", K::AttributeValue),
        ("<Response><Connect><Stream url=\"https://x\"/></Connect></Response>", K::AttributeValue),
        ("<Response><Dial><Service provider=\"Vapi\">1</Service></Dial></Response>", K::AttributeValue),
        ("<Response><Dial> 1</Dial></Response>", K::WhiteSpace),
        ("<Response><Dial><Number>1\n</Number></Dial></Response>", K::WhiteSpace),
        ("<Response><Say> x</Say></Response>", K::WhiteSpace),
        ("<Response>x<Hangup/></Response>", K::StrayText),
        ("<Response><Dial>1<Number>2</Number></Dial></Response>", K::StrayText),
        ("<Response><Hangup>x</Hangup></Response>", K::StrayText),
        ("<Response><Dial/></Response>", K::MissingTarget),
        ("<Response><Dial><Header name=\"a\" value=\"b\"/></Dial></Response>", K::MissingTarget),
        ("<Response><Dial><Service>1</Service></Dial></Response>", K::MissingTarget),
        ("<Response><Redirect/></Response>", K::MissingTarget),
        ("<Response><Connect/></Response>", K::MissingTarget),
        ("<Response><Connect><Stream/></Connect></Response>", K::MissingTarget),
    ] {
        assert_eq!(kinds(source), [expected], "{source}");
    }
    assert_eq!(read(b"<Response>\xff</Response>").faults[0].kind, K::NotXml);
}

#[test]
fn a_dial_without_a_usable_noun_is_a_missing_target_whatever_stands_in_it() {
    assert!(kinds("<Response><Dial><Number/></Dial></Response>").contains(&ViolationKind::MissingTarget));
    assert!(kinds("<Response><Dial> </Dial></Response>").contains(&ViolationKind::MissingTarget));
}

#[test]
fn an_answer_over_the_limit_is_too_large_and_one_at_it_is_not() {
    let filled = |size: usize| {
        let frame = "<Response><Say></Say></Response>";
        frame.replace("></Say>", &format!(">{}</Say>", "x".repeat(size - frame.len())))
    };
    assert_eq!(filled(MAX_BYTES).len(), MAX_BYTES);
    assert_eq!(kinds(&filled(MAX_BYTES)), []);
    assert_eq!(kinds(&filled(MAX_BYTES + 1)), [ViolationKind::TooLarge]);
}

#[test]
fn an_unknown_provider_is_odd_and_not_wrong() {
    let reading = read(b"<Response><Dial><Service provider=\"newcomer\">1</Service></Dial></Response>");
    assert_eq!(reading.faults, []);
    assert_eq!(reading.oddities.len(), 1);
}

#[test]
fn indentation_comments_and_cdata_are_no_faults() {
    let source = "<Response>\n  <!-- a -->\n  <Dial>\n <Number><![CDATA[30]]><!-- b -->00</Number>\n</Dial></Response>";
    let reading = read(source.as_bytes());
    assert_eq!(reading.faults, []);
    let Verb::Dial { targets, .. } = &reading.verbs[0] else { panic!("a dial") };
    assert_eq!(targets[0].value, "3000");
}

#[test]
fn masking_hides_every_password_and_nothing_else() {
    let source = "<Response><Dial><Sip password='a&amp;b'>x</Sip><Service provider=\"v\" password=\"c\">1</Service></Dial></Response>";
    let masked = masked(source);
    assert_eq!(masked, source.replace("a&amp;b", "***").replace("\"c\"", "\"***\""));
    assert!(!super::masked("<Response password=\"hush\"").contains("hush"));
}
