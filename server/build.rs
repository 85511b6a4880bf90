//! Prepares the folder of the site for being put into the binary.

use std::io;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // The server compiles and is tested without a site, too.
    std::fs::create_dir_all("../target/site")?;
    // A release binary carries the site, whose names are known at build time only. A debug build reads it from
    // disk and has no need to be built again for it.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../target/site");
    }
    Ok(())
}
