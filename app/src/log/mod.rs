//! Logs as they are looked through: lines by their numbers, and what is searched for. Pure.

pub mod fold;
pub mod group;
pub mod merged;
pub mod needle;
pub mod sheet;

/// Lines that are fetched and forgotten together. Each such piece begins with a line whose number follows a multiple of this.
pub const PIECE: u64 = 100;

/// Lines named in an answer to a search; all are counted.
pub const FOUND_MAX: usize = 10_000;

/// Where the piece that holds a line begins.
#[must_use]
pub const fn piece_of(n: u64) -> u64 {
    n.saturating_sub(1) / PIECE * PIECE + 1
}

/// A line's place in an address: `2:120` is line 120 of the second attempt.
#[must_use]
pub fn place(text: &str) -> Option<(u32, u64)> {
    let (attempt, n) = text.split_once(':')?;
    let place = (attempt.parse().ok()?, n.parse().ok()?);
    (place.0 > 0 && place.1 > 0).then_some(place)
}
