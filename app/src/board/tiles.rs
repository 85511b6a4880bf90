//! Numbers of a window of time, each with how it differs from the time before and with its course.

use std::fmt::Write as _;

use flow::view::board::{PointView, TallyView, Window, WindowView};

use super::calendar::calendar;
use super::html::{runs, text};
use crate::format;

/// What a rise of a number means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rise {
    Good,
    Bad,
    Neither,
}

struct Tile {
    title: &'static str,
    number: String,
    href: String,
    /// By how many per cent it has changed, and what that means.
    delta: Option<(f64, Rise)>,
    foot: String,
    course: Vec<Option<f64>>,
    state: &'static str,
}

/// The windows to choose from, and the tiles. `flow` narrows the links.
pub(super) fn tiles(view: &WindowView, flow: Option<&str>) -> String {
    let (now, before) = (&view.now, &view.before);
    let of = flow.map_or_else(String::new, |flow| format!("flow:{flow} "));
    let since = format!("since:{}", now.since);
    let course = |of: fn(&PointView) -> Option<f64>| view.points.iter().map(of).collect();
    let ms = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), format::duration);
    let percent = now.success_percent();
    let tiles = [
        Tile {
            title: "Runs",
            number: format::thousands(now.n_created),
            href: runs(&format!("{of}{since}")),
            delta: change(now.n_created as f64, before.n_created as f64).map(|by| (by, Rise::Neither)),
            foot: format!("{} an hour", rate(now.per_hour)),
            course: course(|point| Some(point.n_created as f64)),
            state: "running",
        },
        Tile {
            title: "Failed",
            number: format::thousands(now.n_failed),
            href: runs(&format!("{of}state:failed {since}")),
            delta: change(now.n_failed as f64, before.n_failed as f64).map(|by| (by, Rise::Bad)),
            foot: format!("{} cancelled", format::thousands(now.n_cancelled)),
            course: course(|point| Some(point.n_failed as f64)),
            state: "failed",
        },
        Tile {
            title: "Succeeded",
            number: percent.map_or_else(|| "–".to_owned(), |percent| format!("{} %", one_decimal(percent))),
            href: runs(&format!("{of}state:succeeded {since}")),
            delta: percent
                .zip(before.success_percent())
                .map(|(now, before)| (now - before, Rise::Good)),
            foot: match now.n_succeeded + now.n_failed {
                0 => "none ended".to_owned(),
                n_judged => format!(
                    "{} of {} that ended",
                    format::thousands(now.n_succeeded),
                    format::thousands(n_judged)
                ),
            },
            course: course(|point| {
                let n_judged = point.n_succeeded + point.n_failed;
                (n_judged > 0).then(|| point.n_succeeded as f64 / n_judged as f64)
            }),
            state: "succeeded",
        },
        Tile {
            title: "95 % take at most",
            number: ms(now.duration_ms_p95),
            href: runs(&format!("{of}state:succeeded {since}")),
            delta: now
                .duration_ms_p95
                .zip(before.duration_ms_p95)
                .and_then(|(now, before)| change(now as f64, before as f64))
                .map(|by| (by, Rise::Bad)),
            foot: match (now.duration_ms_p50, now.wait_ms_p95) {
                (None, None) => "none succeeded".to_owned(),
                (half, wait) => format!("half {}, wait {}", ms(half), ms(wait)),
            },
            course: course(|point| point.duration_ms_p95.map(|ms| ms as f64)),
            state: "waiting",
        },
    ];
    let mut out = String::from("<div class=\"tiles\">");
    for tile in tiles {
        write_tile(&mut out, &tile, view.window);
    }
    out.push_str("</div>");
    out
}

/// Links to the windows there are.
pub(super) fn windows(chosen: Window, address: &str) -> String {
    let mut out = String::from("<nav class=\"windows\" aria-label=\"Time\">");
    for window in Window::ALL {
        let key = window.key();
        let current = if window == chosen {
            " aria-current=\"true\""
        } else {
            ""
        };
        let _ = write!(
            out,
            "<a href=\"{}?window={key}\"{current} data-noscroll=\"true\">{key}</a>",
            text(address)
        );
    }
    out.push_str("</nav>");
    out
}

/// The statistics of one flow.
#[must_use]
pub fn window_panel(view: &WindowView, days: &[PointView], flow: &str) -> String {
    let address = format!("/flows/{}", format::url_part(flow));
    format!(
        "<header><h2 id=\"numbers-title\" class=\"grow\">Numbers</h2>{}</header>{}{}",
        windows(view.window, &address),
        tiles(view, Some(flow)),
        calendar(days, flow)
    )
}

fn write_tile(out: &mut String, tile: &Tile, window: Window) {
    let _ = write!(
        out,
        "<a class=\"tile\" href=\"{}\"><span class=\"tile-title\">{}</span>\
         <span class=\"tile-number num\">{}</span>{}<span class=\"tile-foot num\">{}</span>{}</a>",
        tile.href,
        tile.title,
        tile.number,
        tile.delta
            .map_or_else(String::new, |(by, rise)| delta(by, rise, window)),
        tile.foot,
        spark(&tile.course, tile.state)
    );
}

fn delta(by: f64, rise: Rise, window: Window) -> String {
    let is_same = by.abs() < 0.05;
    let (state, sign, word) = match (is_same, by > 0.0) {
        (true, _) => ("idle", "=", "as before".to_owned()),
        (false, up) => {
            let state = match (rise, up) {
                (Rise::Neither, _) => "idle",
                (Rise::Good, true) | (Rise::Bad, false) => "succeeded",
                (Rise::Good, false) | (Rise::Bad, true) => "failed",
            };
            let (sign, way) = if up { ("▲", "more") } else { ("▼", "less") };
            let unit = if rise == Rise::Good { "points" } else { "%" };
            (state, sign, format!("{} {unit} {way}", one_decimal(by.abs())))
        }
    };
    format!(
        "<span class=\"delta num\" data-state=\"{state}\" title=\"than in the {} before\"><span aria-hidden=\"true\">{sign} </span>{word}</span>",
        window.key()
    )
}

/// By how many per cent; none of nothing.
fn change(now: f64, before: f64) -> Option<f64> {
    (before > 0.0).then(|| (now - before) * 100.0 / before)
}

fn one_decimal(number: f64) -> String {
    let text = format!("{number:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn rate(per_hour: f64) -> String {
    match per_hour {
        // Below ten the first decimal says something.
        0.0..10.0 => one_decimal(per_hour),
        _ => format::thousands(per_hour.round() as u64),
    }
}

const SPARK_WIDTH: f64 = 120.0;
const SPARK_HEIGHT: f64 = 28.0;
/// How wide a point is drawn that has no neighbours.
const ALONE_WIDTH: f64 = 4.0;

/// A course as a line over its filled ground; gaps where nothing is known.
fn spark(course: &[Option<f64>], state: &str) -> String {
    let most = course
        .iter()
        .flatten()
        .fold(0.0_f64, |most, value| most.max(*value));
    let step = SPARK_WIDTH / (course.len().max(2) - 1) as f64;
    let height = |value: f64| {
        let part = if most > 0.0 { value / most } else { 0.0 };
        SPARK_HEIGHT - 2.0 - part * (SPARK_HEIGHT - 4.0)
    };
    let (mut line, mut ground, mut piece): (String, String, Vec<(f64, f64)>) = Default::default();
    for (n, value) in course.iter().copied().chain(std::iter::once(None)).enumerate() {
        match value {
            Some(value) => piece.push((n as f64 * step, height(value))),
            None => draw(&mut line, &mut ground, std::mem::take(&mut piece)),
        }
    }
    format!(
        "<svg class=\"spark\" data-state=\"{state}\" viewBox=\"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <path class=\"ground\" d=\"{ground}\"/><path class=\"line\" d=\"{line}\"/></svg>"
    )
}

fn draw(line: &mut String, ground: &mut String, mut piece: Vec<(f64, f64)>) {
    if let [(x, y)] = piece[..] {
        // A point alone is a speck, and at the edge half of one.
        piece = vec![((x - ALONE_WIDTH).max(0.0), y), (x.max(ALONE_WIDTH), y)];
    }
    let (Some(first), Some(last)) = (piece.first().copied(), piece.last().copied()) else {
        return;
    };
    let _ = write!(ground, "M{:.1} {SPARK_HEIGHT}", first.0);
    for (n, (x, y)) in piece.iter().enumerate() {
        let _ = write!(line, "{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" });
        let _ = write!(ground, "L{x:.1} {y:.1}");
    }
    let _ = write!(ground, "L{:.1} {SPARK_HEIGHT}Z", last.0);
}

/// What a window was, in words, for whoever cannot see the course.
pub(super) fn spoken(now: &TallyView) -> String {
    format!(
        "{}, {} failed, {} cancelled",
        format::count(now.n_created, "run", "runs"),
        format::thousands(now.n_failed),
        format::thousands(now.n_cancelled)
    )
}
