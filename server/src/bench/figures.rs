//! Durations measured, and the table they are told in.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Appends measured for the disk's own speed.
const SYNCS: usize = 200;

/// Durations of one kind, in order of size.
#[derive(Clone, Debug)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    /// Of these measurements.
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The duration that this share of them, in percent, does not exceed.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).copied().unwrap_or_default()
    }

    /// The median.
    pub(super) fn p50(&self) -> String {
        millis(self.percentile(50))
    }

    /// Median and the 99th percentile.
    pub(super) fn both(&self) -> String {
        format!("p50 {}, p99 {}", self.p50(), millis(self.percentile(99)))
    }
}

/// A duration in milliseconds, with as many digits as mean something.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..100.0 => format!("{millis:.1} ms"),
        _ => format!("{millis:.0} ms"),
    }
}

/// A size, if the system tells it.
pub(super) fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "unknown here".to_owned(),
        |bytes| format!("{:.1} MB", bytes as f64 / 1e6),
    )
}

/// How many a second so many in this time are.
pub(super) fn rate(n: usize, time: Duration) -> String {
    thousands((n as f64 / time.as_secs_f64().max(1e-9)) as u64)
}

/// A number with its digits in groups of three.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What appending a small record durably takes in this folder: no durable answer can come before.
pub(super) fn fsync(folder: &Path) -> io::Result<Times> {
    let mut file = tempfile::tempfile_in(folder)?;
    let once = |file: &mut File| {
        let began = Instant::now();
        file.write_all(&[0; 100])?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..SYNCS)
        .map(|_| once(&mut file))
        .collect::<io::Result<Vec<_>>>()
        .map(Times::new)
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    id: String,
    workload: String,
    measured: String,
    aim: String,
}

impl Row {
    /// A measured workload and what it should give.
    pub(super) fn new(id: &str, workload: &str, measured: String, aim: &str) -> Self {
        Self {
            id: id.to_owned(),
            workload: workload.to_owned(),
            measured,
            aim: aim.to_owned(),
        }
    }
}

/// The table, printed line by line as the measurements come in.
pub(super) struct Table<'o> {
    is_markdown: bool,
    out: &'o mut dyn Write,
}

impl<'o> Table<'o> {
    /// Prints the head.
    pub(super) fn new(is_markdown: bool, out: &'o mut dyn Write) -> io::Result<Self> {
        let mut table = Self { is_markdown, out };
        if is_markdown {
            writeln!(table.out)?;
        }
        table.line("Id", "Workload", "Measured", "Aim")?;
        if is_markdown {
            writeln!(table.out, "|---|---|---|---|")?;
        }
        Ok(table)
    }

    /// Prints a line.
    pub(super) fn add(&mut self, row: &Row) -> io::Result<()> {
        self.line(&row.id, &row.workload, &row.measured, &row.aim)
    }

    fn line(&mut self, id: &str, workload: &str, measured: &str, aim: &str) -> io::Result<()> {
        if self.is_markdown {
            writeln!(self.out, "| {id} | {workload} | {measured} | {aim} |")?;
        } else {
            writeln!(self.out, "{id:<4} {workload:<62} {measured:<36} {aim}")?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let times = Times::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(times.both(), "p50 100 ms, p99 198 ms");
        assert_eq!(
            Times::new(vec![Duration::from_micros(1234)]).both(),
            "p50 1.23 ms, p99 1.23 ms"
        );
        assert_eq!(Times::new(Vec::new()).percentile(99), Duration::ZERO);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 1_234_567].map(thousands),
            ["0", "999", "1,000", "12,345", "1,234,567"]
        );
        assert_eq!(rate(5_000, Duration::from_millis(500)), "10,000");
    }
}
