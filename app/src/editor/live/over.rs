//! What lies over the cards: the edge in the hand, what is selected, guides, marquee. As text, made anew with every frame it shows.

use std::fmt::Write as _;

use editor::camera::{Camera, Detail};
use editor::geometry::Point;
use editor::gesture::Overlay;
use editor::scene::{Hit, Scene};
use editor::select::Selection;

/// The inside of the overlay.
pub(super) fn svg(scene: &Scene, selection: &Selection, overlay: &Overlay, camera: Camera) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<g transform=\"translate({:.2} {:.2}) scale({:.4})\">",
        camera.x, camera.y, camera.k
    );
    let is_near = camera.detail() != Detail::Box;
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
    }
    match overlay.hover {
        Some(Hit::Track(track) | Hit::Middle(track)) if is_near => {
            path(&mut out, scene, track, "hover");
            let class = if matches!(overlay.hover, Some(Hit::Middle(_))) {
                "plus hot"
            } else {
                "plus"
            };
            plus(&mut out, scene.tracks[track].wire.middle(), class);
        }
        Some(Hit::Port { card, port }) => {
            let at = scene.cards[card].port(port);
            let _ = write!(
                out,
                "<circle class=\"halo\" cx=\"{}\" cy=\"{}\" r=\"12\"/>",
                at.x, at.y
            );
        }
        _ => {}
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
