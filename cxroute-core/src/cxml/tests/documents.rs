//! Exact documents: those of the specification and of FACTS §2, and every attribute once.

use std::time::Duration;

use crate::cxml::*;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>";

fn check<'a>(response: &Response<'a>, body: &str) {
    assert_eq!(response.render(), format!("{HEAD}{body}</Response>"));
}

#[test]
fn the_specifications_three_templates_render_as_written() {
    let agent = Dial::new(Service::new("synthflow", "agent_12345"))
        .caller_id("+1234567890")
        .action(Action::post("https://cx.example.com/api/voice/dial/tenant.cloudonix.com?attempt=1&agent=7"));
    check(
        &Response::new(agent),
        "<Dial callerId=\"+1234567890\" action=\"https://cx.example.com/api/voice/dial/tenant.cloudonix.com?\
         attempt=1&amp;agent=7\" method=\"POST\"><Service provider=\"synthflow\">agent_12345</Service></Dial>",
    );
    let outbound = Dial::new(Number::new("442071234567"))
        .trunks(Trunks::join(&["main", "backup"]).unwrap())
        .caller_id("+1234567890")
        .action(Action::post("https://cx.example.com/a"));
    check(
        &Response::new(outbound),
        "<Dial trunks=\"main,backup\" callerId=\"+1234567890\" action=\"https://cx.example.com/a\" method=\"POST\">\
         <Number>442071234567</Number></Dial>",
    );
    check(&Response::hangup(), "<Hangup/>");
}

#[test]
fn headers_come_before_every_noun_in_whatever_order_they_were_added() {
    let dial = Dial::new(Service::new("retell", "+12127773456"))
        .header(Header::new("X-key", "value").unwrap())
        .and(Number::new("3000"))
        .header(Header::new("X-key2", "value2").unwrap());
    check(
        &Response::new(dial),
        "<Dial><Header name=\"X-key\" value=\"value\"/><Header name=\"X-key2\" value=\"value2\"/>\
         <Service provider=\"retell\">+12127773456</Service><Number>3000</Number></Dial>",
    );
}

#[test]
fn a_websocket_agent_gets_connect_stream_and_a_pause_of_forty_seconds() {
    let stream = Stream::new("wss://example.com/agent-stream/abc").parameter(Parameter::new("key", "value"));
    check(
        &Response::new(Connect::new(stream)).then(Pause::AFTER_CONNECT),
        "<Connect><Stream url=\"wss://example.com/agent-stream/abc\"><Parameter name=\"key\" value=\"value\"/>\
         </Stream></Connect><Pause length=\"40\"/>",
    );
}

#[test]
fn every_attribute_of_dial_has_its_place() {
    let dial = Dial::new(Conference::new("room 1"))
        .trunks(Trunks::parse("t").unwrap())
        .caller_id("1")
        .caller_name("Ann \"A\" O'Hara")
        .action(Action::get("https://x/?a=1&b=2"))
        .timeout(Duration::from_millis(29_500))
        .time_limit(Seconds::new(3600))
        .record(DialRecording::FromAnswerDual)
        .recording_callback(
            RecordingCallback::new("https://r").method(Method::Post).events("in-progress completed"),
        )
        .trim(Trim::Keep)
        .hangup_on_star()
        .hangup_on("#")
        .forward_headers()
        .encoded_headers("X-A=1&X-B=2");
    check(
        &Response::new(dial),
        "<Dial trunks=\"t\" callerId=\"1\" callerName=\"Ann &quot;A&quot; O'Hara\" action=\"https://x/?a=1&amp;b=2\" \
         method=\"GET\" timeout=\"30\" timeLimit=\"3600\" record=\"record-from-answer-dual\" \
         recordingStatusCallback=\"https://r\" recordingStatusCallbackMethod=\"POST\" \
         recordingStatusCallbackEvent=\"in-progress completed\" trim=\"do-not-trim\" hangupOnStar=\"true\" \
         hangupOn=\"#\" forwardHeaders=\"true\" headers=\"X-A=1&amp;X-B=2\"><Conference>room 1</Conference></Dial>",
    );
}

#[test]
fn the_other_nouns_and_verbs_render_as_twiml_has_them() {
    let sip = Sip::new("sip:a@b.example").username("u").password("p").domain("origin");
    check(
        &Response::new(Dial::new(sip)),
        "<Dial><Sip username=\"u\" password=\"p\" domain=\"origin\">sip:a@b.example</Sip></Dial>",
    );
    for (response, body) in [
        (Response::new(Reject::new(RejectReason::Busy)), "<Reject reason=\"busy\"/>"),
        (
            Response::new(
                Say::new("All lines <are> busy & more")
                    .voice(Voice("woman".into()))
                    .language(Language("en-GB".into())),
            )
            .then(Hangup),
            "<Say voice=\"woman\" language=\"en-GB\">All lines &lt;are&gt; busy &amp; more</Say><Hangup/>",
        ),
        (Response::new(Say::new("x").repeat(2)), "<Say loop=\"2\">x</Say>"),
        (
            Response::new(Play::new("https://x/a.mp3?b=1&c=2").repeat(0)),
            "<Play loop=\"0\">https://x/a.mp3?b=1&amp;c=2</Play>",
        ),
        (Response::new(Pause::new(Seconds::new(0))), "<Pause length=\"1\"/>"),
        (
            Response::new(Redirect::new(Method::Get, "https://x/")),
            "<Redirect method=\"GET\">https://x/</Redirect>",
        ),
        (
            Response::new(Start::new(Stream::new("wss://x/").name("s").track(Track::Both))),
            "<Start><Stream url=\"wss://x/\" name=\"s\" track=\"both_tracks\"/></Start>",
        ),
        (Response::new(Stop::new("s")), "<Stop><Stream name=\"s\"/></Stop>"),
        (Response::new(Gather::new()), "<Gather/>"),
        (
            Response::new(Record::new().max_length(Seconds::new(60)).beep(Beep::Silent)),
            "<Record maxLength=\"60\" playBeep=\"false\"/>",
        ),
    ] {
        check(&response, body);
    }
}

#[test]
fn gather_and_record_carry_their_attributes_and_prompts() {
    let gather = Gather::new()
        .input(GatherInput::Both)
        .action(Action::post("https://x/g"))
        .finish_on_key("#")
        .digits(4)
        .timeout(Seconds::new(5))
        .speech_timeout(SpeechTimeout::Auto)
        .language(Language("en-US".into()))
        .action_on_empty_result()
        .prompt(Say::new("Press 1"))
        .prompt(Pause::new(Seconds::new(2)))
        .prompt(Play::new("https://x/p.mp3"));
    check(
        &Response::new(gather),
        "<Gather input=\"dtmf speech\" action=\"https://x/g\" method=\"POST\" finishOnKey=\"#\" numDigits=\"4\" \
         timeout=\"5\" speechTimeout=\"auto\" language=\"en-US\" actionOnEmptyResult=\"true\"><Say>Press 1</Say>\
         <Pause length=\"2\"/><Play>https://x/p.mp3</Play></Gather>",
    );
    let record = Record::new()
        .action(Action::get("https://x/r"))
        .timeout(Seconds::new(3))
        .finish_on_key("*")
        .beep(Beep::Play)
        .recording_callback(RecordingCallback::new("https://x/c"))
        .trim(Trim::Silence);
    check(
        &Response::new(record),
        "<Record action=\"https://x/r\" method=\"GET\" timeout=\"3\" finishOnKey=\"*\" playBeep=\"true\" \
         recordingStatusCallback=\"https://x/c\" trim=\"trim-silence\"/>",
    );
}

#[test]
fn white_space_around_text_content_is_dropped_and_inside_it_is_kept() {
    check(&Response::new(Dial::new(Number::new(" \n+1 212\t"))), "<Dial><Number>+1 212</Number></Dial>");
}

#[test]
fn a_reject_reason_is_read_back_from_its_word() {
    for reason in RejectReason::ALL {
        assert_eq!(RejectReason::parse(reason.as_str()), Some(reason));
    }
    assert_eq!(RejectReason::parse("Busy"), None);
}
