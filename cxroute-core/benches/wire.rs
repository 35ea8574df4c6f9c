//! Times and heap allocations of the wire formats on the hot path: payload in, CXML out, payload into the audit.

use cxroute_core::cloudonix::{
    Cdr, CxHeaders, DialResult, SessionUpdate, VoiceRequest, Webhook, redact_body,
};
use cxroute_core::cxml::{Action, Connect, Dial, Number, Pause, Response, Seconds, Service, Stream, Trunks};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A voice request as production sends it (FACTS §1).
const VOICE: &str = r#"{"ApiVersion":"1","CallStatus":"in-progress","From":"+12125550100","CallSid":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","To":"+442071234567","SessionData":{"id":10048287,"domainId":755,"destination":"+442071234567","callerId":"+12125550100","token":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","profile":{"trunk-sip-headers":{"Campaign":"spring"},"callId":["28293431436702-395851086431570@192.0.2.161"]},"callStartTime":1719354316138,"status":"NEW","vappServer":"192.0.2.7","ringing":false,"domainNameOrId":"acme.cloudonix.net"},"Domain":"acme.cloudonix.net","CallerName":"Ann","Direction":"inbound","AccountSid":"acme.cloudonix.net","Session":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}"#;

const UPDATE: &str = r#"{"id":123456789,"eventId":"evt_abc123","domainId":987654,"domain":"acme.cloudonix.net","subscriberId":null,"token":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","callerId":"+12125550100","destination":"+442071234567","direction":"incoming","status":"ringing","createdAt":"2024-01-11T10:30:00Z","modifiedAt":"2024-01-11T10:30:05Z","callStartTime":1704969000000,"callAnswerTime":0,"answerTime":null,"timeLimit":3600,"action":"call","reason":null,"callIds":["abc123-def456"],"profile":{"custom_data":{}}}"#;

const CDR: &str = r#"{"timestamp":1703123456,"session":{"token":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","id":123456789,"callStartTime":1703123400000,"callEndTime":1703123460000,"callAnswerTime":1703123410000,"status":"completed","profile":{"application":[{"time":1703123401000,"url":"https://cx.example.com/api/voice/application/acme.cloudonix.net","source":"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial callerId=\"+12125550100\"><Service provider=\"retell\" username=\"u\" password=\"hunter2\">+12127773456</Service></Dial></Response>"}]}},"from":"+12125550100","to":"+442071234567","disposition":"ANSWERED","duration":60,"billsec":58,"call_id":"abc123-def456","domain":"acme.cloudonix.net","rated_cost":0.012,"rx_mos":"NaN","recording_url":"https://storage.example.com/rec_123.mp3","owner":{"domain":{"uuid":"9d3c8f7e-0000-4000-8000-000000000000"}}}"#;

const ACTION: &str = "https://cx.example.com/api/voice/dial/acme.cloudonix.net?session=0f1e2d3c4b5a69788796a5b4c3d2e1f0&attempt=1";

fn headers() -> CxHeaders<'static> {
    CxHeaders::pick([
        ("x-cx-session", &b"0f1e2d3c4b5a69788796a5b4c3d2e1f0"[..]),
        ("x-cx-stageid", b"75bcd15a3f2c1e09"),
        ("x-cx-domain", b"acme.cloudonix.net"),
    ])
}

fn webhook<'a>(body: &'a str, headers: &'a CxHeaders<'a>) -> Webhook<'a> {
    Webhook {
        body: body.into(),
        content_type: Some("application/json"),
        path: "/api/voice/application/acme.cloudonix.net",
        query: "",
        headers: Some(headers),
    }
}

#[divan::bench]
fn parse_voice_request(bencher: Bencher<'_, '_>) {
    let headers = headers();
    bencher.bench_local(|| drop(black_box(VoiceRequest::read(&webhook(black_box(VOICE), &headers)))));
}

#[divan::bench]
fn parse_voice_request_and_fingerprint(bencher: Bencher<'_, '_>) {
    let headers = CxHeaders::default();
    bencher.bench_local(|| VoiceRequest::read(&webhook(black_box(VOICE), &headers)).event_name());
}

/// The same body through serde_json's own tree, for comparison in one run.
#[divan::bench]
fn parse_voice_request_as_value(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| drop(black_box(serde_json::from_str::<serde_json::Value>(black_box(VOICE)))));
}

#[divan::bench]
fn parse_dial_result(bencher: Bencher<'_, '_>) {
    let headers = headers();
    let query = "session=0f1e2d3c4b5a69788796a5b4c3d2e1f0&attempt=1";
    bencher.bench_local(|| {
        drop(black_box(DialResult::read(&Webhook { query, ..webhook(black_box(VOICE), &headers) })))
    });
}

#[divan::bench]
fn parse_session_update(bencher: Bencher<'_, '_>) {
    let headers = headers();
    bencher.bench_local(|| drop(black_box(SessionUpdate::read(&webhook(black_box(UPDATE), &headers)))));
}

#[divan::bench]
fn parse_cdr(bencher: Bencher<'_, '_>) {
    let headers = headers();
    bencher.bench_local(|| drop(black_box(Cdr::read(&webhook(black_box(CDR), &headers)))));
}

#[divan::bench]
fn redact_voice_request(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| redact_body(black_box(VOICE.as_bytes())));
}

#[divan::bench]
fn redact_cdr(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| redact_body(black_box(CDR.as_bytes())));
}

fn agent() -> Response<'static> {
    let service = Service::new(black_box("retell"), "+12127773456").username("acme").password("hunter2");
    Response::new(
        Dial::new(service).caller_id("+12125550100").action(Action::post(ACTION)).timeout(Seconds::new(30)),
    )
}

#[divan::bench]
fn build_and_render_agent(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| agent().render());
}

#[divan::bench]
fn render_agent(bencher: Bencher<'_, '_>) {
    let response = agent();
    bencher.bench_local(|| black_box(&response).render());
}

#[divan::bench]
fn build_and_render_trunk(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let dial = Dial::new(Number::new(black_box("442071234567")))
            .caller_id("+12125550100")
            .action(Action::post(ACTION));
        match Trunks::parse("main,backup") {
            Ok(trunks) => Response::new(dial.trunks(trunks)).render(),
            Err(_) => String::new(),
        }
    });
}

#[divan::bench]
fn build_and_render_stream(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let stream = Stream::new(black_box("wss://agents.example.com/stream/abc"));
        Response::new(Connect::new(stream)).then(Pause::AFTER_CONNECT).render()
    });
}

#[divan::bench]
fn render_masked(bencher: Bencher<'_, '_>) {
    let response = agent();
    bencher.bench_local(|| black_box(&response).masked());
}
