//! The program as its users run it.

use std::process::Command;

use expect_test::{Expect, expect};

fn check(arguments: &[&str], expected: Expect) {
    let output = Command::new(env!("CARGO_BIN_EXE_custom-task-type"))
        .args(arguments)
        // A caller's wish for backtraces would lengthen the error.
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .output()
        .expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    expected.assert_eq(&String::from_utf8_lossy(&text));
}

#[test]
fn a_flow_uses_the_task_type() {
    check(
        &["never sleep in a durable workflow"],
        expect![[r#"
        succeeded {"words":4,"told":"the longest is workflow"}
    "#]],
    );
    check(
        &["a b c"],
        expect![[r#"
        succeeded {"words":0,"told":"the longest is null"}
    "#]],
    );
    check(
        &[],
        expect![[r#"
        Error: give a text to count the words of
    "#]],
    );
}
