#!/usr/bin/env bash
# Runs every check, also after one has failed, and ends with a table of them: test.sh [CHECK…]
# The table is kept in target/test-summary.txt, what each check said in target/test-logs/, what failed in
# target/test-faults.txt, its names in target/test-failed.txt.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly CHECKS=(format lint lint-wasm test lint-end2end site end2end)
readonly LOGS=target/test-logs
readonly SUMMARY=target/test-summary.txt
readonly FAULTS=target/test-faults.txt
readonly NAMES=target/test-failed.txt
passed=0
failed=0

format() { cargo fmt --all --check; }

lint() { cargo clippy --workspace --exclude frontend --all-targets -- -D warnings; }

# The browser's half of `app` and `flow` is seen by the linter only when it compiles them for WASM.
lint_wasm() {
    (
        . target/wasm.env
        cargo clippy -p frontend --lib --target wasm32-unknown-unknown --profile wasm-dev --target-dir target/wasm -- -D warnings
    )
}

# Random tests try the same cases each time; another number in PROPTEST_RNG_SEED looks further.
test() { PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}" cargo test --workspace --exclude frontend --no-fail-fast; }

lint_end2end() { npm run --silent --prefix end2end check; }

# The pages as they are shipped.
site() { scripts/site.sh; }

# The server that the tests above have built: it takes the pages from target/site. Building another one, optimised or with other features,
# would take longer than the tests themselves.
end2end() {
    cargo test --workspace --exclude frontend --no-run &&
        POINTWORK="$PWD/target/debug/pointwork" npm test --silent --prefix end2end
}

# counts LOG: "passed failed" as the test runners in it say, cargo's and Playwright's.
counts() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^test result: / {
            for (i = 1; i < NF; i++) {
                if ($(i + 1) == "passed;") ok += $i
                if ($(i + 1) == "failed;") bad += $i
            }
        }
        /^ +[0-9]+ passed( |$)/ { ok += $1 }
        /^ +[0-9]+ (failed|flaky|interrupted)( |$)/ { bad += $1 }
        END { print ok + 0, bad + 0 }'
}

# faults LOG: what the tests that failed said, without the lines around it that repeat themselves.
faults() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^ +[0-9]+\) \[/ { shown = 24 }
        /^---- .* ----$/ { shown = 24 }
        /^(error|warning)(\[|:)/ { shown = 12 }
        shown > 0 { print; shown-- }' | head -n 200
}

# names LOG: the tests that failed, a line each.
names() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^test .* FAILED$/ { print "failed: " $2 }
        /^ +[0-9]+\) \[/ && !seen[$0]++ { sub(/^ +[0-9]+\) /, "failed: "); sub(/ ─+$/, ""); print }' | head -n 40
}

run_check() {
    local log=$LOGS/$1.log began=$SECONDS status=0 ok bad
    printf '\n== %s\n' "$1"
    "${1//-/_}" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    read -r ok bad < <(counts "$log")
    # A check without tests counts as one; so does a failure outside of any test.
    if [ "$status" != 0 ]; then
        [ "$bad" != 0 ] || bad=1
    elif [ "$ok" = 0 ]; then
        ok=1
    fi
    if [ "$bad" != 0 ]; then
        faults "$log" >>"$FAULTS"
        names "$log" >>"$NAMES"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    printf '%-13s %5d ok %4d bad %5d s\n' "$1" "$ok" "$bad" $((SECONDS - began)) >>"$SUMMARY"
}

mkdir -p "$LOGS"
: >"$SUMMARY"
: >"$FAULTS"
: >"$NAMES"
chosen=("$@")
[ $# != 0 ] || chosen=("${CHECKS[@]}")
for check in "${chosen[@]}"; do
    case " ${CHECKS[*]} " in
    *" $check "*) run_check "$check" ;;
    *)
        echo "test: no check '$check'; there are: ${CHECKS[*]}" >&2
        exit 2
        ;;
    esac
done
printf '\n%d passed, %d failed\n' "$passed" "$failed" >>"$SUMMARY"

if [ -s "$FAULTS" ]; then
    printf '\n== what failed\n'
    cat "$FAULTS"
fi
# The names last: whoever sees only the end of this still knows where to look.
printf '\n== summary\n'
cat "$NAMES" "$SUMMARY"
[ "$failed" = 0 ]
