//! Reading what the execution plane is rebuilt from.

use std::collections::BTreeMap;

use cxroute_core::id::{AgentId, GroupId, MembershipId};
use cxroute_core::port::StoreError;
use cxroute_core::strategy::{GroupImage, HealthRow, PlaneImage, SeatImage, SessionImage, StepTally, Turn};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::codec::{document, number};

use super::Scoped;
use crate::call_row::{columns, select_calls};
use crate::error::Fault;

pub(crate) const SESSIONS: &str =
    select_calls!(" FROM call_records c WHERE c.tenant_id = ? AND c.live_status = TRUE AND c.live_until > ?");

/// The longest window there can be, in milliseconds.
pub(crate) const LONGEST_WINDOW: i64 = 168 * 3_600_000;

pub(crate) const STEPS: &str = "SELECT group_id, step_millis, step, agent_id, CAST(calls AS SIGNED), CAST(virtual_calls AS SIGNED) \
    FROM group_window_steps WHERE tenant_id = ? AND ends > ? ORDER BY group_id, step_millis, step, agent_id";

impl Scoped<'_> {
    pub(super) async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        let what = "plane_books";
        let seq: Vec<(i64,)> = self.all("SELECT seq FROM plane_books WHERE tenant_id = ?", what).await?;
        let seq = number(seq.first().map_or(0, |row| row.0), what)?;
        let groups = self.group_images(now).await?;
        let health = self.health_rows().await?;
        let sessions = self.session_images(now).await?;
        Ok(PlaneImage { at: now, seq, groups, health, sessions })
    }

    async fn group_images(&mut self, now: Timestamp) -> Result<Vec<GroupImage>, StoreError> {
        let mut groups: BTreeMap<GroupId, GroupImage> = BTreeMap::new();
        let what = "group_window_steps";
        let steps: Vec<(i64, i64, i64, i64, i64, i64)> = sqlx::query_as(STEPS)
            .bind(self.tenant)
            .bind(now.as_millis().saturating_sub(LONGEST_WINDOW).saturating_add(1))
            .fetch_all(&mut *self.connection)
            .await
            .map_err(|error| Fault::from(error).into_store(what))?;
        for (group, millis, step, agent, calls, virtual_calls) in steps {
            let agent = AgentId::new(number(agent, what)?);
            let (calls, virtual_calls) = (number(calls, what)?, number(virtual_calls, what)?);
            let tally = StepTally { step, agent, calls, virtual_calls };
            image_of(&mut groups, number(group, what)?).steps.push((millis, tally));
        }
        self.seats(&mut groups).await?;
        self.turns(&mut groups).await?;
        Ok(groups.into_values().collect())
    }

    async fn seats(&mut self, groups: &mut BTreeMap<GroupId, GroupImage>) -> Result<(), StoreError> {
        let what = "group_seats";
        let rows: Vec<(i64, i64, i64, i64)> = self
            .all(
                "SELECT group_id, agent_id, last_choice, CAST(present AS SIGNED) FROM group_seats WHERE tenant_id = ?
                 ORDER BY group_id, agent_id",
                what,
            )
            .await?;
        for (group, agent, last, present) in rows {
            let (agent, last) = (AgentId::new(number(agent, what)?), number(last, what)?);
            let seat = SeatImage { agent, last, present: present != 0 };
            image_of(groups, number(group, what)?).seats.push(seat);
        }
        Ok(())
    }

    async fn turns(&mut self, groups: &mut BTreeMap<GroupId, GroupImage>) -> Result<(), StoreError> {
        let what = "group_turns";
        let rows: Vec<(i64, i64, i64, i64)> = self
            .all(
                "SELECT group_id, level, CAST(priority AS SIGNED), membership_id FROM group_turns WHERE tenant_id = ?
                 ORDER BY group_id, level",
                what,
            )
            .await?;
        for (group, level, priority, membership) in rows {
            let level = if level < 0 { None } else { Some(number(level, what)?) };
            let position = (number(priority, what)?, MembershipId::new(number(membership, what)?));
            image_of(groups, number(group, what)?).turns.push(Turn { level, position });
        }
        Ok(())
    }

    async fn health_rows(&mut self) -> Result<Vec<HealthRow>, StoreError> {
        let what = "agent_health";
        let rows: Vec<(i64, String)> = self
            .all("SELECT agent_id, health FROM agent_health WHERE tenant_id = ? ORDER BY agent_id", what)
            .await?;
        rows.into_iter()
            .map(|(agent, health)| {
                Ok(HealthRow { agent: AgentId::new(number(agent, what)?), health: document(&health, what)? })
            })
            .collect()
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

fn image_of(groups: &mut BTreeMap<GroupId, GroupImage>, group: u64) -> &mut GroupImage {
    let group = GroupId::new(group);
    let empty = || GroupImage { group, steps: Vec::new(), seats: Vec::new(), turns: Vec::new() };
    groups.entry(group).or_insert_with(empty)
}
