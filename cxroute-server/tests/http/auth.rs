//! Who is let in (FACTS §6), and that nobody learns why he is not.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::client::{Reply, Request};
use crate::desk::{CDR, DIAL, DOMAIN, Desk, KEY, TENANT, UPDATE, VOICE, voice};

const BODY: &str = r#"{"Session":"0123456789abcdef","To":"+12025559999"}"#;

fn assert_refused(reply: &Reply, request: &Request) {
    assert_eq!(reply.status, 401, "{request:?}");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"cxroute\""), "{request:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{request:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_valid_credential_suffices_in_either_header() {
    let desk = Desk::open(TENANT).await;
    let bare = || Request::post(VOICE, BODY);
    for request in [
        bare().key(KEY),
        bare().key("the-old-key"),
        bare().header("authorization", &format!("bEaReR   {KEY} ")),
        bare().header("X-CX-APIKey", KEY),
        bare().key(KEY).header("X-Cx-Apikey", "XI00000000000000000000000000000000"),
        bare().key("wrong").header("X-Cx-Apikey", KEY),
        bare().header("Authorization", "Basic dGhlLWtleQ==").header("X-Cx-Apikey", KEY),
        bare().header("Authorization", "Basic dGhlLWtleQ==").key(KEY),
    ] {
        assert!(desk.send(&request).await.dialled().is_some(), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_credential_every_end_point_answers_the_same_401() {
    let desk = Desk::open(TENANT).await;
    let mut answers = Vec::new();
    for path in [VOICE, DIAL, UPDATE, CDR] {
        let stranger = path.replace("t.cloudonix", "nobody.cloudonix");
        let nonsense = path.replace(DOMAIN, "%00");
        for request in [
            Request::post(path, BODY),
            Request::post(path, BODY).key("wrong"),
            Request::post(path, BODY).key(""),
            Request::post(path, BODY).key("the-ke"),
            Request::post(path, BODY).key("the-key-"),
            Request::post(path, BODY).key("The-Key"),
            Request::post(path, BODY).header("Authorization", KEY),
            Request::post(path, BODY).header("Authorization", &format!("Basic {KEY}")),
            Request::post(path, BODY).header("X-CX-APIKey", "wrong"),
            Request::post(path, BODY).raw_header(b"Authorization: Bearer \xff\xfe"),
            Request::post(&stranger, BODY).key(KEY),
            Request::post(&stranger, BODY),
            Request::post(&nonsense, BODY).key(KEY),
        ] {
            let reply = desk.send(&request).await;
            assert_refused(&reply, &request);
            answers.push(reply.body);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert!(desk.calls().await.is_empty());
    for (reason, count) in [("no_credential", 20), ("wrong_credential", 20), ("unknown_domain", 12)] {
        let series = format!(r#"cxroute_unauthorized_total{{reason="{reason}"}}"#);
        assert_eq!(desk.metric(&series).await, count, "{reason}");
    }
    assert_eq!(desk.metric(r#"cxroute_requests_total{endpoint="cdr",status="4xx"}"#).await, 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_that_are_named_agree_in_any_case_or_the_request_is_refused() {
    let desk = Desk::open(TENANT).await;
    let body =
        |domain: &str| format!(r#"{{"Session":"0123456789abcdef","To":"+12025559999","Domain":{domain}}}"#);
    let post = |path: &str, domain: &str| Request::post(path, body(domain)).key(KEY);
    for path in [VOICE, DIAL] {
        for request in [
            post(path, r#""T.Cloudonix.NET""#),
            post(path, r#""""#),
            post(path, "null"),
            post(path, r#""t.cloudonix.net""#).header("X-Cx-Domain", "T.cloudonix.net"),
            post(path, r#""t.cloudonix.net""#).header("X-Cx-Domain", " "),
        ] {
            assert_eq!(desk.send(&request).await.status, 200, "{request:?}");
        }
        for request in [
            post(path, r#""other.cloudonix.net""#),
            post(path, r#""other.cloudonix.net""#).header("X-Cx-Domain", DOMAIN),
            post(path, r#""t.cloudonix.net""#).header("X-Cx-Domain", "other.cloudonix.net"),
            Request::post(path, "Session=1&Domain=other.cloudonix.net").key(KEY),
            Request::new("GET", &format!("{path}?Session=1&Domain=other.cloudonix.net")).key(KEY),
        ] {
            assert_refused(&desk.send(&request).await, &request);
        }
    }
    for path in [UPDATE, CDR] {
        for domain in [r#""other.cloudonix.net""#, r#"{"name":"x"}"#, r#""nullDomain""#] {
            assert_eq!(desk.send(&post(path, domain)).await.status, 200, "{path} {domain}");
        }
        let request = post(path, "null").header("X-Cx-Domain", "other.cloudonix.net");
        assert_refused(&desk.send(&request).await, &request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_one_tenant_opens_no_other_tenants_door() {
    let desk = Desk::open(TENANT).await;
    desk.apply("tenant: { name: U, domain: u.cloudonix.net }\nwebhook_key: other-key\n").await;
    let theirs = VOICE.replace(DOMAIN, "u.cloudonix.net");
    assert_eq!(desk.send(&Request::post(&theirs, BODY).key("other-key")).await.status, 200);
    for request in [Request::post(&theirs, BODY).key(KEY), Request::post(VOICE, BODY).key("other-key")] {
        assert_refused(&desk.send(&request).await, &request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_wanted_where_there_is_a_secret_for_it() {
    let desk = Desk::open(&format!("{TENANT}signature_secret: sssh\n")).await;
    let sign = |secret: &str, body: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let post = || Request::post(VOICE, BODY);
    let signed = post().key(KEY).header("X-CX-Signature", &sign("sssh", BODY));
    assert!(desk.send(&signed).await.dialled().is_some());
    for request in [
        post().key(KEY),
        post().key(KEY).header("X-CX-Signature", &sign("other", BODY)),
        post().key(KEY).header("X-CX-Signature", &sign("sssh", "")),
        post().key(KEY).header("X-CX-Signature", "nonsense"),
        post().key("wrong").header("X-CX-Signature", &sign("sssh", BODY)),
    ] {
        assert_refused(&desk.send(&request).await, &request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdr_without_a_credential_is_taken_only_where_it_is_allowed_to_come_so() {
    let tenant = TENANT.replace("t.cloudonix.net }", "t.cloudonix.net, settings: { cdr_auth: optional } }");
    let desk = Desk::open(&tenant).await;
    assert_eq!(desk.send(&Request::post(CDR, BODY)).await.status, 200);
    for request in
        [Request::post(CDR, BODY).key("wrong"), Request::post(UPDATE, BODY), Request::post(VOICE, BODY)]
    {
        assert_refused(&desk.send(&request).await, &request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_is_served_although_its_domain_was_tried_before() {
    let desk = Desk::open(TENANT).await;
    let request = Request::post(&VOICE.replace(DOMAIN, "u.cloudonix.net"), BODY).key("other-key");
    assert_refused(&desk.send(&request).await, &request);
    desk.apply("tenant: { name: U, domain: u.cloudonix.net }\nwebhook_key: other-key\n").await;
    while desk.send(&request).await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.send(&voice(&desk.session())).await.status, 200);
}
