//! Several servers of one service: who is sent what, and who is asked when one of them gives no answer.

use super::*;

#[tokio::test]
async fn webhooks_go_to_all_servers_and_a_copy_to_another_one_than_the_first() {
    let one = Fake::start(CORRECT).await;
    let other = one.beside(CORRECT).await;
    let report =
        simulate(SimulateOptions { also: vec![other.url().parse().unwrap()], ..options(&one) }).await;
    assert_eq!((report.violation_count(), report.calls.finished), (0, 60), "{report}");
    assert_eq!(report.also, [other.url()]);
    one.memory(|memory| {
        let to_one = memory.hooks.iter().filter(|hook| hook.port == one.address.port()).count();
        let share = to_one as f64 / memory.hooks.len() as f64;
        assert!((0.45..0.55).contains(&share), "{share}");
        let mut copies = 0;
        for copy in memory.hooks.iter().filter(|hook| hook.earlier == 1) {
            let same = |hook: &&Hook| {
                hook.earlier == 0
                    && (&hook.path, &hook.query, &hook.body) == (&copy.path, &copy.query, &copy.body)
                    && hook.header("x-cx-stageid") == copy.header("x-cx-stageid")
            };
            let first = memory.hooks.iter().find(same).unwrap();
            assert_ne!(first.port, copy.port, "{copy:?}");
            copies += 1;
        }
        assert!(copies > 50, "{copies}");
    });
}

#[tokio::test]
async fn with_fail_over_what_one_server_leaves_unanswered_goes_to_the_other_at_once() {
    let (dying, living) = (Fake::dying().await, Fake::start(CORRECT).await);
    let also = vec![living.url().parse().unwrap()];
    let options = SimulateOptions { also, failover: true, ..options(&dying) };
    let report = simulate(options.clone()).await;
    assert_eq!((report.violation_count(), report.calls.finished), (0, 60), "{report}");
    let waits = &report.waits;
    assert_eq!((waits.answered, waits.late), (waits.asked, 0), "{report}");
    assert!(waits.failed_over * 3 > waits.asked && waits.failed_over < waits.asked, "{report}");
    for (kind, sums) in &report.webhooks {
        assert_eq!(
            (sums.retries, sums.acknowledged),
            (sums.failed_over, sums.webhooks + sums.copies),
            "{kind}"
        );
    }
    let alone = simulate(SimulateOptions { failover: false, ..options }).await;
    assert!(alone.count_of(ViolationKind::NoAnswer) > 100, "{alone}");
    assert!(alone.waits.late > 0 && alone.waits.answered + alone.waits.late == alone.waits.asked, "{alone}");
}

#[tokio::test]
async fn an_answer_that_comes_late_counts_with_everything_that_was_tried_before_it() {
    let fake = Fake::start(|hook, reply| {
        if hook.earlier == 0 && hook.path.contains("/application/") {
            reply.status = 500;
        }
    })
    .await;
    let options = SimulateOptions {
        keep_going: Some(60.0),
        duplicates: Share::NONE,
        deadline_ms: 15,
        ..options(&fake)
    };
    let report = simulate(options).await;
    // The pause before the second try alone is longer than the deadline.
    assert!(report.waits.late >= 60 && report.waits.slowest_ms >= 20.0, "{report}");
    assert_eq!(report.waits.answered, report.waits.asked);
}

#[tokio::test]
async fn a_server_with_other_paths_is_refused() {
    let fake = Fake::start(CORRECT).await;
    let also = vec![format!("{}/elsewhere", fake.url()).parse().unwrap()];
    let refused = run_until(SimulateOptions { also, ..options(&fake) }, std::future::pending()).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("/elsewhere") && error.contains("expected servers of one service"), "{error}");
}
