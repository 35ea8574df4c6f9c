//! Laws about leading: one publishes, and who no longer leads publishes nothing. What several instances do is for the
//! adapter's own tests: the kit has one.

use super::super::{Checked, operator};
use super::EventsBench;
use crate::port::{EventsError, Since, Term};

pub(super) async fn who_leads_goes_on_leading_in_the_same_term(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    for _ in 0..3 {
        assert_eq!(room.events.lead(&operator()).await?, Some(room.term));
    }
    Ok(())
}

pub(super) async fn a_term_that_is_over_publishes_nothing(bench: &EventsBench) -> Checked {
    let room = bench.newsroom().await?;
    let mut listener = room.listen(Since::Now).await?;
    room.publish(&["a"]).await?;
    let over = Term::new(room.term.get() - 1);
    let refused = room.events.publish(&room.scope, over, &[room.news("late")]).await;
    assert_eq!(refused, Err(EventsError::Superseded));
    room.publish(&["b"]).await?;
    assert_eq!(listener.calls(2).await?, ["a", "b"]);
    listener.silence().await
}
