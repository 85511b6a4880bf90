//! Rules and notifications that are gone with the process.

use std::collections::BTreeMap;

use flow::Timestamp;

use super::notices::NOTICES_KEPT_MAX;
use super::{NewNotice, NewVersion, NoticeFilter, NoticeMark, NoticeRow, NoticeState, RuleRow};

#[derive(Debug, Default)]
pub(super) struct Notices {
    /// By flow and name.
    rules: BTreeMap<(String, String), RuleRow>,
    /// By number.
    rows: BTreeMap<i64, NoticeRow>,
    last_id: i64,
}

impl Notices {
    pub(super) fn save_rules(&mut self, version: &NewVersion, is_back: bool) {
        let is_kept = |name: &str| version.rules.iter().any(|new| new.name == name);
        self.rules
            .retain(|(flow, name), _| *flow != version.flow || is_kept(name));
        for new in &version.rules {
            let key = (version.flow.clone(), new.name.clone());
            let kept = self
                .rules
                .get(&key)
                .filter(|row| row.spec == new.spec && !is_back);
            if kept.is_none() {
                let row = RuleRow {
                    flow: version.flow.clone(),
                    name: new.name.clone(),
                    spec: new.spec.clone(),
                    since: version.at,
                    judged_until: version.at,
                };
                self.rules.insert(key, row);
            }
        }
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &RuleRow> {
        self.rules.values()
    }

    pub(super) fn judged(&mut self, flow: &str, rule: &str, until: Timestamp) {
        if let Some(row) = self.rules.get_mut(&(flow.to_owned(), rule.to_owned())) {
            row.judged_until = row.judged_until.max(until);
        }
    }

    pub(super) fn add(&mut self, notices: Vec<NewNotice>) {
        for new in notices {
            let is_same = |row: &NoticeRow| {
                let old = &row.notice;
                (&old.flow, &old.rule, old.kind, &old.subject, old.channel)
                    == (&new.flow, &new.rule, new.kind, &new.subject, new.channel)
            };
            if self.rows.values().any(is_same) {
                continue;
            }
            self.last_id += 1;
            let row = NoticeRow {
                id: self.last_id,
                state: NoticeState::Waiting,
                n_attempts: 0,
                next_at: Some(new.at),
                sent_at: None,
                error: None,
                notice: new,
            };
            self.rows.insert(self.last_id, row);
        }
        let oldest = self.last_id - NOTICES_KEPT_MAX as i64;
        self.rows
            .retain(|id, row| *id > oldest || row.state == NoticeState::Waiting);
    }

    pub(super) fn list(&self, filter: &NoticeFilter, before: Option<i64>, limit: usize) -> Vec<NoticeRow> {
        let fits = |row: &&NoticeRow| {
            filter.flow.as_ref().is_none_or(|flow| *flow == row.notice.flow)
                && filter.rule.as_ref().is_none_or(|rule| *rule == row.notice.rule)
                && filter.kind.is_none_or(|kind| kind == row.notice.kind)
                && filter.state.is_none_or(|state| state == row.state)
        };
        let rows = self
            .rows
            .range(..before.unwrap_or(i64::MAX))
            .rev()
            .map(|(_, row)| row);
        rows.filter(fits).take(limit).cloned().collect()
    }

    pub(super) fn waiting(&self, limit: usize) -> Vec<NoticeRow> {
        let mut rows: Vec<&NoticeRow> = self
            .rows
            .values()
            .filter(|row| row.state == NoticeState::Waiting)
            .collect();
        rows.sort_by_key(|row| (row.next_at, row.id));
        rows.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn mark(&mut self, ids: &[i64], mark: &NoticeMark) {
        for id in ids {
            let Some(row) = self
                .rows
                .get_mut(id)
                .filter(|row| row.state == NoticeState::Waiting)
            else {
                continue;
            };
            row.state = mark.state;
            row.n_attempts += 1;
            row.error.clone_from(&mark.error);
            row.next_at = (mark.state == NoticeState::Waiting).then_some(mark.at);
            if mark.state == NoticeState::Sent {
                row.sent_at = Some(mark.at);
            }
        }
    }
}
