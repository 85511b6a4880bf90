//! Space given back to the disk, in small steps.

use rusqlite::Connection;

use super::file::Fault;

/// Pages moved in one transaction: a few milliseconds' work.
const PAGES_PER_STEP: i64 = 256;

/// What a step weighs in the sharing of transactions: it fills one alone.
pub(super) const WEIGHT: usize = 4096;

/// The share of a file that may be free: room for what comes next, so that a file of steady use is not cut and grown all the time.
const FREE_SHARE: i64 = 8;

/// Gives back some pages beyond what may be free. True if there are more.
pub(super) fn step(conn: &Connection) -> Result<bool, Fault> {
    let number = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let n_free = number("PRAGMA freelist_count")?;
    let n_beyond = n_free - number("PRAGMA page_count")? / FREE_SHARE;
    if n_beyond <= 0 {
        return Ok(false);
    }
    // Each row of its answer is a page moved; the last file page goes with it.
    let mut vacuum = conn.prepare(&format!(
        "PRAGMA incremental_vacuum({})",
        n_beyond.min(PAGES_PER_STEP)
    ))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    // What could not be moved is not tried for ever.
    Ok(n_beyond > PAGES_PER_STEP && number("PRAGMA freelist_count")? < n_free)
}
