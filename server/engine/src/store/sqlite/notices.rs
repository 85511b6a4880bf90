//! Rules and notifications.

use flow::{RunId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::file::Fault;
use crate::store::notices::NOTICES_KEPT_MAX;
use crate::store::{
    Channel, NewNotice, NewVersion, NoticeFilter, NoticeKind, NoticeMark, NoticeRow, NoticeState, RuleRow,
};

/// Brings a flow's rules up to its newest version. What has not changed goes on from where it was, unless the flow was archived.
pub(super) fn save_rules(conn: &Connection, version: &NewVersion, is_back: bool) -> Result<(), Fault> {
    let names: Vec<String> = conn
        .prepare_cached("SELECT name FROM notify_rules WHERE flow = ?")?
        .query_map([&version.flow], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for gone in names
        .iter()
        .filter(|name| version.rules.iter().all(|new| new.name != **name))
    {
        conn.prepare_cached("DELETE FROM notify_rules WHERE flow = ? AND name = ?")?
            .execute([&version.flow, gone])?;
    }
    for new in &version.rules {
        conn.prepare_cached(
            "INSERT INTO notify_rules (flow, name, spec, since, judged_until) VALUES (?1, ?2, ?3, ?4, ?4)
             ON CONFLICT (flow, name) DO UPDATE SET spec = ?3, since = ?4, judged_until = ?4 WHERE ?5 OR spec <> ?3",
        )?
        .execute(params![version.flow, new.name, new.spec, version.at.as_micros(), is_back])?;
    }
    Ok(())
}

pub(super) fn rules(conn: &Connection) -> Result<Vec<RuleRow>, Fault> {
    let rows = conn
        .prepare_cached(
            "SELECT r.flow, r.name, r.spec, r.since, r.judged_until FROM notify_rules r JOIN flows f ON f.flow = r.flow
             WHERE f.archived = 0 ORDER BY r.flow, r.name",
        )?
        .query_map([], |row| {
            Ok(RuleRow {
                flow: row.get(0)?,
                name: row.get(1)?,
                spec: row.get(2)?,
                since: Timestamp::from_micros(row.get(3)?),
                judged_until: Timestamp::from_micros(row.get(4)?),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Notes how far a rule has been judged and what is to be told because of it.
pub(super) fn judged(
    conn: &Connection,
    rule: (&str, &str),
    until: Timestamp,
    notices: &[NewNotice],
) -> Result<(), Fault> {
    conn.prepare_cached(
        "UPDATE notify_rules SET judged_until = max(judged_until, ?) WHERE flow = ? AND name = ?",
    )?
    .execute(params![until.as_micros(), rule.0, rule.1])?;
    add(conn, notices)
}

/// Adds notifications; what has been told already is passed over.
pub(super) fn add(conn: &Connection, notices: &[NewNotice]) -> Result<(), Fault> {
    for new in notices {
        conn.prepare_cached(
            "INSERT OR IGNORE INTO notifications (flow, rule, kind, subject, target, channel, run, message, at, state, n_attempts, next_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?9)",
        )?
        .execute(params![
            new.flow,
            new.rule,
            new.kind as u8,
            new.subject,
            new.target,
            new.channel as u8,
            new.run.map(|run| run.to_bytes()),
            new.message,
            new.at.as_micros(),
        ])?;
    }
    if !notices.is_empty() {
        conn.prepare_cached(
            "DELETE FROM notifications WHERE state <> 0 AND id <= (SELECT max(id) FROM notifications) - ?",
        )?
        .execute([NOTICES_KEPT_MAX as i64])?;
    }
    Ok(())
}

const COLUMNS: &str = "id, flow, rule, kind, subject, target, channel, run, message, at, state, n_attempts, next_at, sent_at, error";

fn read(row: &Row<'_>) -> rusqlite::Result<NoticeRow> {
    let run: Option<[u8; 16]> = row.get(7)?;
    let time = |at: Option<i64>| at.map(Timestamp::from_micros);
    // Numbers that a newer version of Pointwork may have written are not met here: it raises the schema's version.
    let (kind, channel, state): (u8, u8, u8) = (row.get(3)?, row.get(6)?, row.get(10)?);
    let (kind, channel, state) = (usize::from(kind), usize::from(channel), usize::from(state));
    Ok(NoticeRow {
        id: row.get(0)?,
        notice: NewNotice {
            flow: row.get(1)?,
            rule: row.get(2)?,
            kind: NoticeKind::ALL.get(kind).copied().unwrap_or(NoticeKind::Failure),
            subject: row.get(4)?,
            target: row.get(5)?,
            channel: Channel::ALL.get(channel).copied().unwrap_or(Channel::Mail),
            run: run.map(RunId::from_bytes),
            message: row.get(8)?,
            at: Timestamp::from_micros(row.get(9)?),
        },
        state: NoticeState::ALL
            .get(state)
            .copied()
            .unwrap_or(NoticeState::Failed),
        n_attempts: row.get(11)?,
        next_at: time(row.get(12)?),
        sent_at: time(row.get(13)?),
        error: row.get(14)?,
    })
}

/// Newest first, those with a lower number than `before`.
pub(super) fn list(
    conn: &Connection,
    filter: &NoticeFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<NoticeRow>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notifications WHERE id < ?1 AND (?2 IS NULL OR flow = ?2) AND (?3 IS NULL OR rule = ?3)
         AND (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR state = ?5) ORDER BY id DESC LIMIT ?6"
    );
    let rows = conn
        .prepare_cached(&sql)?
        .query_map(
            params![
                before.unwrap_or(i64::MAX),
                filter.flow,
                filter.rule,
                filter.kind.map(|kind| kind as u8),
                filter.state.map(|state| state as u8),
                limit as i64
            ],
            read,
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Those that wait, the one that is due first first.
pub(super) fn waiting(conn: &Connection, limit: usize) -> Result<Vec<NoticeRow>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM notifications WHERE state = 0 ORDER BY next_at, id LIMIT ?");
    let rows = conn
        .prepare_cached(&sql)?
        .query_map([limit as i64], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn mark(conn: &Connection, ids: &[i64], mark: &NoticeMark) -> Result<(), Fault> {
    for id in ids {
        conn.prepare_cached(
            "UPDATE notifications SET state = ?2, n_attempts = n_attempts + 1, error = ?4,
             next_at = iif(?2 = 0, ?3, NULL), sent_at = iif(?2 = 1, ?3, sent_at) WHERE id = ?1 AND state = 0",
        )?
        .execute(params![id, mark.state as u8, mark.at.as_micros(), mark.error])?;
    }
    Ok(())
}
