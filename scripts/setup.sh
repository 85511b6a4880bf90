#!/usr/bin/env bash
# Installs what building Pointwork needs, and nothing when nothing is missing:
# the WASM target of Rust (from rustup, or from Debian's packages where rustup has no network).
# The compiler for WASM builds may differ from the default one: target/wasm.env names it, and only
# scripts/site.sh and the WASM lint read that file.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WASM=wasm32-unknown-unknown
readonly ENV_FILE=target/wasm.env

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# as_root COMMAND…: runs it with the rights to install packages, or fails where there are none.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}
can_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

# has_target RUSTC…: does this compiler have std for WASM?
has_target() {
    local dir
    dir=$("$@" --print target-libdir --target "$WASM" 2>/dev/null) || return 1
    compgen -G "$dir/libstd-*.rlib" >/dev/null
}

# choose LINE…: the environment of WASM builds, as `export` lines.
choose() {
    mkdir -p target
    printf '%s\n' "# Written by scripts/setup.sh: the compiler of WASM builds." "$@" >"$ENV_FILE.new"
    mv "$ENV_FILE.new" "$ENV_FILE"
}

rustup_target() {
    command -v rustup >/dev/null || return 1
    # Without network rustup retries for minutes; one quick look tells.
    if command -v curl >/dev/null; then
        curl -sfI --max-time 10 https://static.rust-lang.org/rustup/release-stable.toml >/dev/null || return 1
    fi
    say "rustup target add $WASM"
    timeout 300 rustup target add "$WASM"
}

# The version of LLVM the compiler was built with: the linker's package carries it in its name.
llvm_major() { /usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'; }

# Debian's compiler comes without std for WASM, but with std's source and its dependencies.
build_debian_std() {
    local libdir=/usr/lib/rustlib/$WASM/lib stamp work
    stamp=$libdir/.built-by
    if has_target /usr/bin/rustc && [ "$(cat "$stamp" 2>/dev/null)" = "$(/usr/bin/rustc -vV)" ]; then
        return
    fi
    say "building std for $WASM once (about a minute)"
    work=$(mktemp -d)
    mkdir "$work/src"
    printf '#![no_std]\n' >"$work/src/lib.rs"
    printf '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$work/Cargo.toml"
    (cd "$work" && env -u RUSTUP_TOOLCHAIN -u CARGO_TARGET_DIR RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build --release \
        -Zbuild-std=std,panic_abort,panic_unwind --target "$WASM")
    rm -f "$work/target/$WASM/release/deps/"libnothing-*.rlib
    as_root rm -rf "$libdir"
    as_root mkdir -p "$libdir"
    as_root cp "$work/target/$WASM/release/deps/"lib*.rlib "$libdir/"
    /usr/bin/rustc -vV | as_root tee "$stamp" >/dev/null
    rm -rf "$work"
}

debian_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "apt-get install ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

debian_target() {
    [ -f /etc/debian_version ] && can_be_root || return 1
    command -v rustup >/dev/null || return 1
    debian_packages rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web || return 1
    debian_packages "lld-$(llvm_major)"
    build_debian_std
    rustup toolchain link debian /usr
    choose "export RUSTUP_TOOLCHAIN=debian" \
        "export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=/usr/bin/wasm-ld-$(llvm_major)"
}

wasm_target() {
    # What was chosen before still works: the usual case, and a quick one.
    if [ -f "$ENV_FILE" ] && (. "$ENV_FILE" && has_target rustc &&
        { [ -z "${CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER:-}" ] || [ -x "$CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER" ]; }); then
        return
    fi
    if has_target rustc || rustup_target; then
        choose
    elif ! debian_target; then
        fail "Rust's target $WASM is missing: run 'rustup target add $WASM' with network (https://rustup.rs), or on Debian run this script as root."
    fi
}

command -v cargo >/dev/null || fail "Rust is missing: install it from https://rustup.rs (1.95 or later)."
command -v cc >/dev/null || fail "a C compiler is missing: install gcc or clang (SQLite is compiled in)."
wasm_target
