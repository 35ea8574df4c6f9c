//! Reading what the execution plane is rebuilt from.

use cxroute_core::id::{AgentId, GroupId, MembershipId};
use cxroute_core::port::StoreError;
use cxroute_core::strategy::{
    BookRow, Books, HealthRow, PlaneImage, SeatImage, SessionImage, StepTally, Turn,
};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::batch::entry_deltas;
use cxroute_store_sql::codec::{document, number};

use super::Scoped;
use crate::call_row::{columns, select_calls};
use crate::error::Fault;

pub(crate) const SESSIONS: &str =
    select_calls!(" FROM call_records c WHERE c.tenant_id = ? AND c.live_status = TRUE AND c.live_until > ?");

/// The longest window there can be, in milliseconds.
pub(crate) const LONGEST_WINDOW: i64 = 168 * 3_600_000;

pub(crate) const STEPS: &str = "SELECT group_id, step_millis, step, agent_id, CAST(calls AS SIGNED), CAST(virtual_calls AS SIGNED) \
    FROM group_window_steps WHERE tenant_id = ? AND ends > ?";

/// What is not yet folded into the books. Takes the tenant.
pub(crate) const ENTRIES: &str = "SELECT entry FROM ledger WHERE tenant_id = ? ORDER BY id";

impl Scoped<'_> {
    pub(super) async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        let mut books = Books::default();
        self.put_plane(&mut books).await?;
        self.put_steps(&mut books, now).await?;
        self.put_seats(&mut books).await?;
        self.put_turns(&mut books).await?;
        self.put_health(&mut books).await?;
        let entries: Vec<(String,)> = self.all(ENTRIES, "the ledger").await?;
        for (entry,) in entries {
            for delta in entry_deltas(&entry)? {
                books.apply(&delta);
            }
        }
        let sessions = self.session_images(now).await?;
        Ok(PlaneImage {
            at: now,
            seq: books.seq(),
            groups: books.groups(now),
            health: books.health(),
            sessions,
        })
    }

    async fn put_plane(&mut self, books: &mut Books) -> Result<(), StoreError> {
        let what = "plane_books";
        let rows: Vec<(i64,)> = self.all("SELECT seq FROM plane_books WHERE tenant_id = ?", what).await?;
        for (seq,) in rows {
            books.put(BookRow::Plane { seq: number(seq, what)? });
        }
        Ok(())
    }

    async fn put_steps(&mut self, books: &mut Books, now: Timestamp) -> Result<(), StoreError> {
        let what = "group_window_steps";
        let steps: Vec<(i64, i64, i64, i64, i64, i64)> = sqlx::query_as(STEPS)
            .bind(self.tenant)
            .bind(now.as_millis().saturating_sub(LONGEST_WINDOW).saturating_add(1))
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(what))?;
        for (group, step_millis, step, agent, calls, virtual_calls) in steps {
            let agent = AgentId::new(number(agent, what)?);
            let (calls, virtual_calls) = (number(calls, what)?, number(virtual_calls, what)?);
            let tally = StepTally { step, agent, calls, virtual_calls };
            books.put(BookRow::Step { group: GroupId::new(number(group, what)?), step_millis, tally });
        }
        Ok(())
    }

    async fn put_seats(&mut self, books: &mut Books) -> Result<(), StoreError> {
        let what = "group_seats";
        let rows: Vec<(i64, i64, i64, i64, i64, i64)> = self
            .all(
                "SELECT group_id, agent_id, last_choice, CAST(present AS SIGNED), present_seq, joined_seq
                 FROM group_seats WHERE tenant_id = ?",
                what,
            )
            .await?;
        for (group, agent, last, present, present_seq, joined_seq) in rows {
            let agent = AgentId::new(number(agent, what)?);
            books.put(BookRow::Seat {
                group: GroupId::new(number(group, what)?),
                seat: SeatImage { agent, last: number(last, what)?, present: present != 0 },
                present_seq: number(present_seq, what)?,
                joined_seq: number(joined_seq, what)?,
            });
        }
        Ok(())
    }

    async fn put_turns(&mut self, books: &mut Books) -> Result<(), StoreError> {
        let what = "group_turns";
        let rows: Vec<(i64, i64, i64, i64, i64)> = self
            .all(
                "SELECT group_id, level, CAST(priority AS SIGNED), membership_id, seq FROM group_turns
                 WHERE tenant_id = ?",
                what,
            )
            .await?;
        for (group, level, priority, membership, seq) in rows {
            let level = if level < 0 { None } else { Some(number(level, what)?) };
            let position = (number(priority, what)?, MembershipId::new(number(membership, what)?));
            books.put(BookRow::Turn {
                group: GroupId::new(number(group, what)?),
                turn: Turn { level, position },
                seq: number(seq, what)?,
            });
        }
        Ok(())
    }

    async fn put_health(&mut self, books: &mut Books) -> Result<(), StoreError> {
        let what = "agent_health";
        let rows: Vec<(i64, String, i64)> =
            self.all("SELECT agent_id, health, seq FROM agent_health WHERE tenant_id = ?", what).await?;
        for (agent, health, seq) in rows {
            let row =
                HealthRow { agent: AgentId::new(number(agent, what)?), health: document(&health, what)? };
            books.put(BookRow::Health { row, seq: number(seq, what)? });
        }
        Ok(())
    }

    async fn session_images(&mut self, now: Timestamp) -> Result<Vec<SessionImage>, StoreError> {
        let rows = sqlx::query(SESSIONS)
            .bind(self.tenant)
            .bind(now.as_millis())
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store("call_records"))?;
        rows.iter().map(|row| Ok(SessionImage::of(&columns(row)?.into_call()?.0))).collect()
    }
}
