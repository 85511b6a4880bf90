#!/usr/bin/env bash
# Installs what the tests need beyond scripts/setup.sh, and nothing when nothing is missing:
# Rust's formatter and linter, Chromium, and the packages of end2end/.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
    say "rustup component add $component"
    rustup component add "$component" || fail "'cargo ${component/rustfmt/fmt}' is missing: install Rust's component $component."
done

# The names under which distributions have it; end2end/browser.ts looks for the same.
browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if ! browser >/dev/null; then
    if [ -f /etc/debian_version ] && as_root true 2>/dev/null; then
        say "apt-get install chromium"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            chromium chromium-driver fonts-liberation >/dev/null
    fi
    browser >/dev/null || fail "Chromium is missing: install it so that 'chromium' or 'google-chrome' is on the PATH."
fi

command -v npm >/dev/null || fail "Node.js is missing: install version 20 or later with npm (https://nodejs.org)."
# npm writes this file last, so an interrupted installation is done again.
if [ ! end2end/node_modules/.package-lock.json -nt end2end/package-lock.json ]; then
    say "npm ci (end2end)"
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix end2end --ignore-scripts --no-audit --no-fund --silent
    touch end2end/node_modules/.package-lock.json
fi
