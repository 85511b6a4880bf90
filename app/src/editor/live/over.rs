//! What lies over the cards: the edge in the hand, what is selected, guides, marquee. As text, made anew with every frame it shows.

use std::fmt::Write as _;

use editor::camera::{Camera, Detail};
use editor::geometry::{Point, entry};
use editor::gesture::Overlay;
use editor::scene::{Hit, Scene};
use editor::select::Selection;

use crate::format::escape;

/// The inside of the overlay.
pub(super) fn svg(
    scene: &Scene,
    selection: &Selection,
    overlay: &Overlay,
    ghost_title: Option<&str>,
    (camera, detail): (Camera, Detail),
) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<g transform=\"translate({:.2} {:.2}) scale({:.4})\">",
        camera.x, camera.y, camera.k
    );
    let is_near = detail != Detail::Box;
    let chosen = selection.edge().and_then(|edge| scene.track(edge));
    if let Some(track) = chosen.filter(|track| overlay.leaving != Some(*track)) {
        path(&mut out, scene, track, "chosen");
        let wire = &scene.tracks[track].wire;
        for end in [wire.start(), wire.end()]
            .into_iter()
            .flatten()
            .filter(|_| is_near)
        {
            let _ = write!(
                out,
                "<circle class=\"end\" cx=\"{}\" cy=\"{}\" r=\"6\"/>",
                end.x, end.y
            );
        }
        plus(&mut out, wire.middle(), "plus");
        cross(&mut out, wire.cut_place(), "cut");
    }
    match overlay.hover {
        Some(Hit::Track(track) | Hit::Middle(track) | Hit::Cut(track)) if is_near => {
            path(&mut out, scene, track, "hover");
            let class = if matches!(overlay.hover, Some(Hit::Middle(_))) {
                "plus hot"
            } else {
                "plus"
            };
            let wire = &scene.tracks[track].wire;
            plus(&mut out, wire.middle(), class);
            let is_hot = matches!(overlay.hover, Some(Hit::Cut(_)));
            cross(&mut out, wire.cut_place(), if is_hot { "cut hot" } else { "cut" });
        }
        Some(hit @ (Hit::Port { .. } | Hit::Entry(_))) => {
            let at = match hit {
                Hit::Port { card, port } => scene.cards[card].port(port),
                Hit::Entry(card) => entry(scene.cards[card].rect),
                _ => Point::default(),
            };
            let _ = write!(
                out,
                "<circle class=\"halo\" cx=\"{}\" cy=\"{}\" r=\"12\"/>",
                at.x, at.y
            );
        }
        _ => {}
    }
    let hovered = match overlay.hover {
        Some(Hit::Note(note) | Hit::Grip(note)) => scene.notes.get(note),
        _ => None,
    };
    let chosen = selection.note().and_then(|note| scene.note(note));
    for note in [chosen, hovered].into_iter().flatten().filter(|_| is_near) {
        let (x, y) = (note.rect.right(), note.rect.bottom());
        let _ = write!(
            out,
            "<path class=\"grip\" d=\"M{} {}L{} {}M{} {}L{} {}\"/>",
            x - 12.0,
            y - 3.0,
            x - 3.0,
            y - 12.0,
            x - 7.0,
            y - 3.0,
            x - 3.0,
            y - 7.0
        );
    }
    if let Some(track) = overlay.leaving {
        path(&mut out, scene, track, "leaving");
    }
    if let Some(track) = overlay.between {
        path(&mut out, scene, track, "between");
    }
    for track in &overlay.cycle {
        path(&mut out, scene, *track, "cycle");
    }
    for (from, to) in &overlay.guides {
        let _ = write!(
            out,
            "<path class=\"guide\" d=\"M{} {}L{} {}\"/>",
            from.x, from.y, to.x, to.y
        );
    }
    if let Some(ghost) = overlay.ghost {
        let _ = write!(
            out,
            "<rect class=\"ghost\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
            ghost.x, ghost.y, ghost.w, ghost.h
        );
        let title = ghost_title.unwrap_or_default();
        // As large as titles of cards are at this distance.
        let size = if detail == Detail::Full { 14 } else { 22 };
        let (x, y) = (ghost.x + 16.0, ghost.middle().y + 5.0);
        let _ = write!(
            out,
            "<text class=\"ghost-title\" font-size=\"{size}\" x=\"{x}\" y=\"{y}\">{}</text>",
            escape(title)
        );
    }
    if let Some(wire) = &overlay.wire {
        let verdict = match overlay.verdict {
            Some(true) => "wire ok",
            Some(false) => "wire not",
            None => "wire",
        };
        let _ = write!(out, "<path class=\"{verdict}\" d=\"{}\"/>", wire.svg());
    }
    if let Some((rect, is_whole)) = overlay.marquee {
        let class = if is_whole { "marquee" } else { "marquee touched" };
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            rect.x, rect.y, rect.w, rect.h
        );
    }
    // From afar there are no cards to be marked.
    if !is_near {
        for card in selection.cards(scene) {
            let rect = scene.cards[card].rect.grown(8.0);
            let _ = write!(
                out,
                "<rect class=\"ring\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
                rect.x, rect.y, rect.w, rect.h
            );
        }
    }
    out.push_str("</g>");
    out
}

fn path(out: &mut String, scene: &Scene, track: usize, class: &str) {
    if let Some(track) = scene.tracks.get(track) {
        let _ = write!(out, "<path class=\"{class}\" d=\"{}\"/>", track.wire.svg());
    }
}

/// Where an edge can be taken away.
fn cross(out: &mut String, at: Option<Point>, class: &str) {
    if let Some(at) = at {
        let _ = write!(
            out,
            "<g class=\"{class}\" transform=\"translate({} {})\"><circle r=\"10\"/><path d=\"M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5\"/></g>",
            at.x, at.y
        );
    }
}

/// Where something can be put in between.
fn plus(out: &mut String, at: Option<Point>, class: &str) {
    if let Some(at) = at {
        let _ = write!(
            out,
            "<g class=\"{class}\" transform=\"translate({} {})\"><circle r=\"10\"/><path d=\"M-4 0H4M0 -4V4\"/></g>",
            at.x, at.y
        );
    }
}
