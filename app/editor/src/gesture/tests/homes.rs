//! Into which group or frame cards are let go, or out of which.

use super::*;

/// The frame of `g` is around 384,-48 to 632,280: b and c stand in it.
const FLOW: &str = "a@0,0; b@400,0; c@400,200; d@0,300 -> e@0,500";

#[test]
fn cards_come_into_the_group_they_are_let_go_over() {
    check_boxes(
        FLOW,
        "g+ b c",
        "down 50,30; move 300,110; look; move 500,130; look; up; down 50,330; move 300,400 alt; move 500,130 alt; look; up 500,130 alt",
        expect![[r#"
            settle
            select a selected
            (grabbing)
            (grabbing, ok group g, Put into “G”)
            Put a into G:
              move a 448,104
              set groups.g.tasks = ["b","c","a"]
            select d selected
            (grabbing)
            move d 450,100
        "#]],
    );
    // Several at once, out of a group they stand in.
    check_boxes(
        FLOW,
        "g+ b c; h+ d e",
        "click 50,30; click 50,330 shift; down 50,30; move 300,110; move 500,130; look; up",
        expect![[r#"
            settle
            select a selected
            select 2 tasks selected
            (grabbing, ok group g, Put into “G”)
            Put 2 tasks into G:
              move a 448,104; d 448,404
              set groups.h.tasks = ["e"]
              set groups.g.tasks = ["b","c","a","d"]
        "#]],
    );
    // On a group drawn as one box: they stand below its own when it is opened.
    check_boxes(
        FLOW,
        "g b c",
        "down 50,30; move 300,50; move 500,30; look; up",
        expect![[r#"
            settle
            select a selected
            (grabbing, ok group g, Put into “G”)
            Put a into G:
              move a 400,296
              set groups.g.tasks = ["b","c","a"]
        "#]],
    );
}

#[test]
fn cards_leave_their_group_with_alt_and_take_its_frame_along_without() {
    check_boxes(
        FLOW,
        "g+ b c",
        "down 450,30; move 500,100; look; move 800,500; look; up",
        expect![[r#"
            settle
            select b selected
            (grabbing)
            (grabbing, not , Stays in “G”. With Alt it leaves the group.)
            move b 752,472
        "#]],
    );
    check_boxes(
        FLOW,
        "g+ b c",
        "down 450,30; move 500,100 alt; look; move 800,500 alt; look; up 800,500 alt",
        expect![[r#"
            settle
            select b selected
            (grabbing)
            (grabbing, ok , Take out of “G”)
            Take b out of G:
              move b 750,470
              set groups.g.tasks = ["c"]
        "#]],
    );
    // A whole group comes into no other one, and its last card takes it along.
    check_boxes(
        FLOW,
        "g+ b c; h+ a",
        "down 8,-40; move 300,50; move 500,130; look; up; down 50,30; move 300,400 alt; move 800,500 alt; look; up 800,500 alt",
        expect![[r#"
            settle
            select Group h selected
            (grabbing)
            move a 496,168
            select a selected
            (grabbing, ok , Take out of “H”)
            Take a out of H:
              move a 750,470
              set groups.h = nothing
        "#]],
    );
}

#[test]
fn new_cards_come_into_groups_and_frames() {
    check_boxes(
        "a@0,0; b@400,0; c@400,200; finally: z@0,500",
        "g+ b c",
        "place noop 10,10; move 500,130; look; up; place noop 10,10; move 150,540; look; up; click 150,490; click 150,490",
        expect![[r#"
            settle
            (copy, ok group g, Put into “G”, ghost 392,96)
            Add noop to G:
              add noop noop at 392,96
              set groups.g.tasks = ["b","c","noop"]
            (copy, ok , Runs at the end, ghost 40,512)
            add noop noop at 40,512 in Finally
            pick at 150,490:
              add noop noop at 40,456 in Finally
        "#]],
    );
    check_boxes(
        FLOW,
        "g b c",
        "place noop 10,10; move 500,30; look; up",
        expect![[r#"
            settle
            (copy, ok group g, Put into “G”, ghost 392,-0)
            Add noop to G:
              add noop noop at 400,296
              set groups.g.tasks = ["b","c","noop"]
        "#]],
    );
}
