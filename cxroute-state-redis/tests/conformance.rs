//! The plane and the events in Redis against the conformance kit, on one server and on a cluster: every law of the ports.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a kit without its adapter has nothing to say")]

mod events_apart;
mod support;

/// On a single Redis, which `CXROUTE_TEST_REDIS` names.
mod single {
    use cxroute_core::conformance::Subject;

    use crate::support::Apart;

    async fn plane() -> Subject<Apart> {
        Subject::new(Apart::on("CXROUTE_TEST_REDIS", 1))
    }

    cxroute_core::conformance_live!(plane);
}

/// Three servers on one Redis, each operation on the next: they are one.
mod servers {
    use cxroute_core::conformance::Subject;

    use crate::support::Apart;

    async fn plane() -> Subject<Apart> {
        Subject::new(Apart::on("CXROUTE_TEST_REDIS", 3))
    }

    cxroute_core::conformance_live!(plane);
}

/// Three servers on a cluster, each operation on the next: they are one. `CXROUTE_TEST_REDIS_CLUSTER` names.
mod cluster {
    use cxroute_core::conformance::Subject;

    use crate::support::Apart;

    async fn plane() -> Subject<Apart> {
        Subject::new(Apart::on("CXROUTE_TEST_REDIS_CLUSTER", 3))
    }

    cxroute_core::conformance_live!(plane);
}

/// Events on a single Redis, and on a cluster.
mod events {
    mod single {
        use cxroute_core::conformance::Subject;

        use crate::events_apart::EventsApart;

        async fn events() -> Subject<EventsApart> {
            Subject::new(EventsApart::on("CXROUTE_TEST_REDIS"))
        }

        cxroute_core::conformance_events!(events);
    }

    mod cluster {
        use cxroute_core::conformance::Subject;

        use crate::events_apart::EventsApart;

        async fn events() -> Subject<EventsApart> {
            Subject::new(EventsApart::on("CXROUTE_TEST_REDIS_CLUSTER"))
        }

        cxroute_core::conformance_events!(events);
    }
}
